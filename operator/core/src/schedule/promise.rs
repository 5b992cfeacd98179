//! Room that is kept for a job, in words.

use crate::ids::Name;
use crate::limits::HOSTS_TOLD;
use crate::text::list;
use crate::time::Time;
use std::fmt;

/// Where a job that waits first will find room.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Site {
    /// On a host that is there.
    Host(Name),
    /// On hosts that are there, one for each node of a multi-node job.
    Hosts(Vec<Name>),
    /// On a machine that is on its way.
    Machine(Name),
    /// On a machine that is made once there are vCPUs left for it; for a multi-node job on one for each node.
    NewMachine {
        /// The environment.
        environment: Name,
        /// How many machines.
        machines: u32,
        /// vCPUs of each.
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
            Site::NewMachine { machines: 0, .. } => {
                formatter.write_str("machines for all its nodes are on their way")?;
            }
            Site::Hosts(hosts) => write!(formatter, "hosts {} are kept free for it", names(hosts))?,
            Site::Machine(machine) => {
                write!(formatter, "room on machine {machine}, which is on its way, is kept for it")?;
            }
            Site::NewMachine { environment, machines, vcpus, leaving } => {
                let makes = match machines {
                    1 => format!("a machine of {vcpus} vCPUs"),
                    number => format!("{number} machines of {vcpus} vCPUs each"),
                };
                if leaving.is_empty() {
                    write!(formatter, "{environment} makes {makes} for it")?;
                } else {
                    let take = if leaving.len() == 1 { "takes" } else { "take" };
                    let leaving = names(leaving);
                    write!(
                        formatter,
                        "{leaving} of {environment} {take} no more jobs, so that {makes} can be made for it"
                    )?;
                }
            }
        }
        match self.start {
            Some(start) => write!(formatter, ", it starts there by {} at the latest", start.as_clock()),
            None => Ok(()),
        }
    }
}

fn names(hosts: &[Name]) -> String {
    let mut told: Vec<String> = hosts.iter().take(HOSTS_TOLD).map(ToString::to_string).collect();
    let others = hosts.len().saturating_sub(HOSTS_TOLD);
    told.extend((others > 0).then(|| format!("{others} other{}", if others == 1 { "" } else { "s" })));
    list(&told)
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
            machines: 1,
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
        let nodes = |number: usize| Site::Hosts((0..number).map(|at| Name::from(format!("h{at}"))).collect());
        assert_eq!(told(nodes(2), None), "hosts h0 and h1 are kept free for it");
        assert_eq!(told(nodes(8), None), "hosts h0, h1, h2, h3, h4 and 3 others are kept free for it");
        let three = Site::NewMachine { environment: "ce".into(), machines: 3, vcpus: 8, leaving: Vec::new() };
        assert_eq!(told(three, None), "ce makes 3 machines of 8 vCPUs each for it");
    }
}
