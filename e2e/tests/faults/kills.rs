//! The operator is killed five times while 200 children run.

use crate::operator::alone;
use crate::survival::{Case, survive};

#[tokio::test]
async fn arrays_survive_five_kills_of_the_operator() {
    let _alone = alone().await;
    survive(Case { simulated: 150, real: 50, kills: 5 }).await;
}
