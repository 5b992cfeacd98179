//! The API server does not answer for two minutes.

use std::time::Duration;

use crate::operator::alone;
use crate::outage::outlast;

#[tokio::test]
async fn nothing_is_decided_blindly_while_the_api_server_is_away_for_two_minutes() {
    let _alone = alone().await;
    outlast("away", Duration::from_secs(120)).await;
}
