//! An object of another project's API that is taken apart member by member: what nobody took is refused by name.

use super::LaunchSettingsError;
use super::launch_settings::Target;
use serde_json::{Map, Value};

/// A part of such an object that is left to take.
pub(super) struct Part {
    path: String,
    members: Map<String, Value>,
    target: Target,
}

impl Part {
    /// Begins to take an object apart: members that say nothing are dropped, as AWS's skeletons print them (SPEC.md, Names and
    /// references), and all are spelled with a small letter first.
    pub(super) fn read(
        path: &str,
        members: &Map<String, Value>,
        target: Target,
    ) -> Result<Part, LaunchSettingsError> {
        let path = path.to_owned();
        let mut read = Map::new();
        for (name, value) in members {
            let name = uncapitalised(name);
            let place = format!("{path}.{name}");
            if let Some(value) = plain(&place, value, target)?
                && read.insert(name, value).is_some()
            {
                return Err(LaunchSettingsError::Twice { what: place, places: "two spellings".to_owned() });
            }
        }
        Ok(Part { path, members: read, target })
    }

    /// What it becomes.
    pub(super) fn target(&self) -> Target {
        self.target
    }

    /// Takes a member as it is.
    pub(super) fn take(&mut self, name: &str) -> Option<Value> {
        self.members.remove(name)
    }

    /// Takes a text.
    pub(super) fn text(&mut self, name: &str) -> Result<Option<String>, LaunchSettingsError> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(self.not_a(name, "a text")),
        }
    }

    /// Takes a whole number.
    pub(super) fn number(&mut self, name: &str) -> Result<Option<u64>, LaunchSettingsError> {
        let Some(value) = self.take(name) else { return Ok(None) };
        value.as_u64().map(Some).ok_or_else(|| self.not_a(name, "a whole number"))
    }

    /// Takes a list of texts; an empty one where it is not there.
    pub(super) fn texts(&mut self, name: &str) -> Result<Vec<String>, LaunchSettingsError> {
        let elements = self.list(name)?.unwrap_or_default();
        let texts = elements.into_iter().map(|element| match element {
            Value::String(text) => Ok(text),
            _ => Err(self.not_a(name, "a list of texts")),
        });
        texts.collect()
    }

    /// Takes an object.
    pub(super) fn part(&mut self, name: &str) -> Result<Option<Part>, LaunchSettingsError> {
        let path = format!("{}.{name}", self.path);
        match self.take(name) {
            None => Ok(None),
            Some(Value::Object(members)) => Ok(Some(Part { path, members, target: self.target })),
            Some(_) => Err(self.not_a(name, "an object")),
        }
    }

    /// Takes a list of objects.
    pub(super) fn parts(&mut self, name: &str) -> Result<Option<Vec<Part>>, LaunchSettingsError> {
        let Some(elements) = self.list(name)? else { return Ok(None) };
        let parts = elements.into_iter().enumerate().map(|(index, element)| match element {
            Value::Object(members) => {
                Ok(Part { path: format!("{}.{name}[{index}]", self.path), members, target: self.target })
            }
            _ => Err(self.not_a(name, "a list of objects")),
        });
        parts.collect::<Result<Vec<Part>, LaunchSettingsError>>().map(Some)
    }

    /// Takes members under the names that they have elsewhere.
    pub(super) fn renamed(&mut self, names: &[(&str, &str)]) -> Map<String, Value> {
        let taken = names.iter().filter_map(|(name, new)| Some(((*new).to_owned(), self.take(name)?)));
        taken.collect()
    }

    /// Refuses a member if it is there.
    pub(super) fn refuse(&mut self, name: &str, advice: &str) -> Result<(), LaunchSettingsError> {
        match self.take(name).filter(|value| !is_off(value)) {
            None => Ok(()),
            Some(_) => Err(self.refusal(name, advice)),
        }
    }

    /// Why a member, or a value of it, is refused.
    pub(super) fn refusal(&self, name: &str, advice: &str) -> LaunchSettingsError {
        LaunchSettingsError::Unsupported { what: format!("{}.{name}", self.path), advice: advice.to_owned() }
    }

    /// Refuses what is left.
    pub(super) fn end(mut self) -> Result<(), LaunchSettingsError> {
        let left: Vec<String> = self.members.keys().cloned().collect();
        left.iter().try_for_each(|name| self.refuse(name, self.target.lack()))
    }

    fn list(&mut self, name: &str) -> Result<Option<Vec<Value>>, LaunchSettingsError> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::Array(elements)) => Ok(Some(elements)),
            Some(_) => Err(self.not_a(name, "a list")),
        }
    }

    /// Why a member that is not of its form is refused.
    pub(super) fn not_a(&self, name: &str, form: &'static str) -> LaunchSettingsError {
        LaunchSettingsError::Form { what: format!("{}.{name}", self.path), form }
    }
}

/// True for what is switched off, and so not asked for (`enclaveOptions: {enabled: false}`).
fn is_off(value: &Value) -> bool {
    match value {
        Value::Bool(on) => !on,
        Value::Object(members) => members.values().all(is_off),
        _ => false,
    }
}

/// A value without what says nothing; `None` when nothing is left of it.
fn plain(path: &str, value: &Value, target: Target) -> Result<Option<Value>, LaunchSettingsError> {
    Ok(match value {
        Value::Null => None,
        Value::String(text) if text.is_empty() => None,
        Value::Number(number) if number.as_f64() == Some(0.0) => None,
        Value::Array(elements) => {
            let mut kept = Vec::new();
            for (index, element) in elements.iter().enumerate() {
                kept.extend(plain(&format!("{path}[{index}]"), element, target)?);
            }
            (!kept.is_empty()).then_some(Value::Array(kept))
        }
        Value::Object(members) => {
            let members = Part::read(path, members, target)?.members;
            (!members.is_empty()).then_some(Value::Object(members))
        }
        other => Some(other.clone()),
    })
}

fn uncapitalised(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}
