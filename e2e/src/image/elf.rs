//! Telling whether a program is linked statically. One that is not finds no loader in an image of its own.

use anyhow::{Context, Result, bail, ensure};

/// The program header that names a loader.
const INTERPRETER: u32 = 3;

/// The loader that a 64-bit little-endian ELF program asks for; nothing when it is linked statically.
pub(crate) fn interpreter(program: &[u8]) -> Result<Option<String>> {
    ensure!(program.starts_with(b"\x7fELF\x02\x01"), "it is not a 64-bit little-endian ELF program");
    let headers = number(program, 0x20, 8)?;
    let (size, count) = (number(program, 0x36, 2)?, number(program, 0x38, 2)?);
    for index in 0..count {
        let header = headers + index * size;
        if number(program, header, 4)? == u64::from(INTERPRETER) {
            let (offset, length) = (number(program, header + 8, 8)?, number(program, header + 32, 8)?);
            let path = slice(program, offset, length)?;
            return Ok(Some(String::from_utf8_lossy(path).trim_end_matches('\0').to_owned()));
        }
    }
    Ok(None)
}

/// An error with `advice` unless `program` is linked statically.
pub(crate) fn require_static(program: &[u8], advice: &str) -> Result<()> {
    match interpreter(program)? {
        None => Ok(()),
        Some(loader) => bail!("it is linked dynamically and needs {loader}: {advice}"),
    }
}

fn number(program: &[u8], offset: u64, length: u64) -> Result<u64> {
    let bytes = slice(program, offset, length)?;
    Ok(bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)))
}

fn slice(program: &[u8], offset: u64, length: u64) -> Result<&[u8]> {
    let start = usize::try_from(offset).ok();
    let end = offset.checked_add(length).and_then(|end| usize::try_from(end).ok());
    let bytes = start.zip(end).and_then(|(start, end)| program.get(start..end));
    bytes.context("it is cut short: its headers lead past its end")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_test_is_linked_dynamically() {
        let program = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        let loader = interpreter(&program).unwrap().unwrap();
        assert!(loader.contains("ld"), "{loader}");
        let error = require_static(&program, "link it statically").unwrap_err().to_string();
        assert!(error.ends_with(": link it statically"), "{error}");
    }

    #[test]
    fn a_program_without_that_header_is_static() {
        let mut program = vec![0; 0x40 + 0x38];
        program[..6].copy_from_slice(b"\x7fELF\x02\x01");
        program[0x20] = 0x40;
        program[0x36] = 0x38;
        program[0x38] = 1;
        program[0x40] = 1;
        assert_eq!(interpreter(&program).unwrap(), None);
    }

    #[test]
    fn other_files_and_cut_ones_are_errors() {
        assert!(interpreter(b"#!/bin/sh").is_err());
        let program = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        let error = interpreter(&program[..0x50]).unwrap_err().to_string();
        assert!(error.starts_with("it is cut short"), "{error}");
    }
}
