//! The API server is killed and restarted, and then does not answer for 15 s.

use std::time::Duration;

use crate::operator::alone;
use crate::outage::outlast;

#[tokio::test]
async fn nothing_is_decided_blindly_while_the_api_server_is_away_and_work_goes_on_after() {
    let _alone = alone().await;
    outlast("hangs", Duration::from_secs(15)).await;
}
