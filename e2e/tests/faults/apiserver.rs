//! The API server is restarted, and does not answer for 15 s.

use std::time::Duration;

use crate::operator::alone;
use crate::outage::{Outage, outlast};

#[tokio::test]
async fn work_goes_on_after_the_api_server_was_killed_and_restarted() {
    let _alone = alone().await;
    outlast("restart", Outage::Restart).await;
}

#[tokio::test]
async fn nothing_is_decided_blindly_while_the_api_server_does_not_answer() {
    let _alone = alone().await;
    outlast("hangs", Outage::Hangs(Duration::from_secs(15))).await;
}
