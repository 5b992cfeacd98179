//! How objects are named by others: a Kubernetes name, an AWS name, or an ARN that ends in one.

use crate::ids::Name;
use std::fmt;

/// A reference to a queue, an environment or a definition, its ARN prefix cut off.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reference {
    /// The name: `metadata.name` is looked for first, then the AWS name.
    pub name: Name,
    /// The revision of a definition, when one is named.
    pub revision: Option<u32>,
}

impl Reference {
    /// Reads `x` or `arn:aws:batch:…:job-queue/x`.
    pub fn plain(text: &str) -> Reference {
        Reference { name: Name::from(without_arn(text)), revision: None }
    }

    /// Reads `x`, `x:3` or `arn:aws:batch:…:job-definition/x:3`. What follows a colon and is no number stays in the name,
    /// which then is not found.
    pub fn to_definition(text: &str) -> Reference {
        let rest = without_arn(text);
        match rest.rsplit_once(':').map(|(name, number)| (name, number.parse())) {
            Some((name, Ok(number))) => Reference { name: Name::from(name), revision: Some(number) },
            _ => Reference { name: Name::from(rest), revision: None },
        }
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.revision {
            Some(number) => write!(formatter, "{}:{number}", self.name),
            None => write!(formatter, "{}", self.name),
        }
    }
}

fn without_arn(text: &str) -> &str {
    match text.rsplit_once('/') {
        Some((prefix, name)) if prefix.starts_with("arn:") => name,
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_arns() {
        assert_eq!(Reference::plain("prod").name.as_str(), "prod");
        assert_eq!(
            Reference::plain("arn:aws:batch:us-east-1:123456789012:job-queue/ProdQueue").name.as_str(),
            "ProdQueue"
        );
        let arn = Reference::to_definition("arn:aws:batch:us-east-1:123456789012:job-definition/sleep30:4");
        assert_eq!((arn.name.as_str(), arn.revision), ("sleep30", Some(4)));
        assert_eq!(Reference::to_definition("sleep30").revision, None);
        assert_eq!(Reference::to_definition("sleep30:x").name.as_str(), "sleep30:x");
        assert_eq!(Reference::to_definition("sleep30:7").to_string(), "sleep30:7");
    }
}
