//! A sample of wrong decisions that few seeds catch; `cargo run -p windlass-sim --features mutants -- mutants` hunts all.
#![cfg(feature = "mutants")]

use windlass_core::mutant::Mutant;
use windlass_sim::mutants::hunt;

#[test]
fn wrong_decisions_are_caught() {
    let sample = [
        Mutant::CreateWithoutFence,
        Mutant::NodesPlacedOneByOne,
        Mutant::NodeLaunchUsedAgain,
        Mutant::SecondRunBelieved,
        Mutant::TimeoutForgotten,
        Mutant::StartWaitedForForEver,
        Mutant::ReleaseBeforeStatus,
        Mutant::CountedTwice,
        Mutant::UsageCounted,
        Mutant::FinalStateOverwritten,
        Mutant::DependentNotWoken,
        Mutant::CycleNotSeen,
        Mutant::NeverExpires,
        Mutant::RecordsNotRead,
        Mutant::LaunchesNotCounted,
        Mutant::BusyMachineRemoved,
        Mutant::LargestTypeBought,
        Mutant::MachineWithoutBooks,
        Mutant::MachineSerialReused,
        Mutant::UnseenMachineIsNone,
        Mutant::OldMaximumBought,
        Mutant::RetiredRemovedAtOnce,
        Mutant::IdleMachineInTheWay,
        Mutant::FailedLaunchAtOnce,
        Mutant::ClassNotAwaited,
        Mutant::OutdatedMachineKept,
        Mutant::AwaitedNotCounted,
        Mutant::NodeWaitedForForEver,
        Mutant::BoundHostNotClaimed,
        Mutant::ReservationIgnored,
        Mutant::SharePriorityIgnored,
        Mutant::ShareOfPassForgotten,
        Mutant::ShareNotChecked,
        Mutant::ReservationLostWithTurn,
        Mutant::KeptHostTaken,
    ];
    for mutant in sample {
        assert!(hunt(mutant, 0..2_000).is_some(), "{mutant:?}: {}", mutant.words());
    }
}
