//! Room that is kept for a job, in words.

use crate::ids::Name;
use crate::text::list;
use crate::time::Time;
use std::fmt;

/// Where a job that waits first will find room.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Site {
    /// On a host that is there.
    Host(Name),
    /// On a machine that is on its way.
    Machine(Name),
    /// On a machine that is made once there are vCPUs left for it.
    NewMachine {
        /// The environment.
        environment: Name,
        /// vCPUs of the machine.
        vcpus: u32,
        /// Hosts that go to leave it their vCPUs, once their jobs have ended.
        leaving: Vec<Name>,
    },
}

/// Room that is kept for a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Promise {
    /// Where.
    pub site: Site,
    /// By when it can start there at the latest; `None` when nobody can say.
    pub start: Option<Time>,
}

impl fmt::Display for Promise {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.site {
            Site::Host(host) => write!(formatter, "host {host} is kept free for it")?,
            Site::Machine(machine) => {
                write!(formatter, "room on machine {machine}, which is on its way, is kept for it")?;
            }
            Site::NewMachine { environment, vcpus, leaving } if leaving.is_empty() => {
                write!(formatter, "{environment} makes a machine of {vcpus} vCPUs for it")?;
            }
            Site::NewMachine { environment, vcpus, leaving } => {
                let leaving: Vec<String> = leaving.iter().map(ToString::to_string).collect();
                write!(
                    formatter,
                    "{} of {environment} take{} no more jobs, so that a machine of {vcpus} vCPUs can be made for it",
                    list(&leaving),
                    if leaving.len() == 1 { "s" } else { "" }
                )?;
            }
        }
        match self.start {
            Some(start) => write!(formatter, ", it starts there by {} at the latest", start.as_clock()),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_promise_says_where_and_by_when() {
        let start = Some(Time::from_seconds(14 * 3600 + 5 * 60 + 9));
        let told = |site: Site, start| Promise { site, start }.to_string();
        let new = |leaving: &[&str]| Site::NewMachine {
            environment: "ce".into(),
            vcpus: 16,
            leaving: leaving.iter().map(|host| Name::from(*host)).collect(),
        };
        assert_eq!(told(Site::Host("h1".into()), None), "host h1 is kept free for it");
        assert_eq!(
            told(Site::Machine("ce-1".into()), start),
            "room on machine ce-1, which is on its way, is kept for it, it starts there by 14:05:09 UTC at the latest"
        );
        assert_eq!(told(new(&[]), None), "ce makes a machine of 16 vCPUs for it");
        assert_eq!(
            told(new(&["h1"]), None),
            "h1 of ce takes no more jobs, so that a machine of 16 vCPUs can be made for it"
        );
        assert!(told(new(&["h1", "h2"]), None).starts_with("h1 and h2 of ce take no more jobs"));
    }
}
