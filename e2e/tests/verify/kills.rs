//! The operator is killed a hundred times while 2,000 children run.

use crate::operator::alone;
use crate::survival::{Case, survive};

#[tokio::test]
async fn arrays_survive_a_hundred_kills_of_the_operator() {
    let _alone = alone().await;
    survive(Case { simulated: 1600, real: 400, kills: 100 }).await;
}
