//! [`walk`]: the bytes of a state as a tree, read by the description that its library gives of the type. No code of an
//! engine runs.
//!
//! A field that is not described (`#[state(serde)]`) does not say where it ends: from there on the bytes stay bytes.

use super::value::Value;
use refit_abi::schema::{Field, TYPE_DEPTH_MAX, Type, Variant};
use refit_abi::{BlockHash, BlockTime, ClientId, EngineId, Generation, Height, TimerId};
use serde::de::DeserializeOwned;
use std::fmt::Display;

/// Most values in one state.
const VALUES_MAX: usize = 4 << 20;

/// Deepest nesting of a value: so deep its tree is also dropped and compared.
const DEPTH_MAX: usize = 2 * TYPE_DEPTH_MAX;

/// The bytes are not a value of the type, or more of one than is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NotWalked;

/// The value of this type that has these bytes.
pub(super) fn walk(ty: &Type, bytes: &[u8]) -> Result<Value, NotWalked> {
    let mut walk = Walk {
        rest: bytes,
        open: Vec::new(),
        values: 0,
        depth: 0,
        has_stopped: false,
    };
    let value = walk.value(ty)?;
    match walk.rest.is_empty() {
        true => Ok(value),
        false => Err(NotWalked),
    }
}

struct Walk<'a> {
    rest: &'a [u8],
    /// The derived types that are under way, outermost first.
    open: Vec<&'a Type>,
    values: usize,
    depth: usize,
    /// A field that is not described has taken what was left.
    has_stopped: bool,
}

impl<'a> Walk<'a> {
    fn value<'t: 'a>(&mut self, ty: &'t Type) -> Result<Value, NotWalked> {
        self.values += 1;
        self.depth += 1;
        if self.values > VALUES_MAX || self.depth > DEPTH_MAX {
            return Err(NotWalked);
        }
        let value = match ty {
            Type::Scalar { name, .. } => self.scalar(name),
            Type::Container {
                name,
                arguments,
                length,
                ..
            } => self.container(name, arguments, *length),
            Type::Struct { fields, .. } => {
                self.open.push(ty);
                let fields = self.fields(fields);
                self.open.pop();
                fields
            }
            Type::Enum { variants, .. } => {
                self.open.push(ty);
                let variant = self.variant(variants);
                self.open.pop();
                variant
            }
            Type::Recursion { levels, .. } => self.again(*levels),
            Type::Serde { .. } => Ok(self.rest_of_it()),
            _ => Ok(self.rest_of_it()),
        };
        self.depth -= 1;
        value
    }

    /// All that is left.
    fn rest_of_it(&mut self) -> Value {
        self.has_stopped = true;
        Value::Rest(std::mem::take(&mut self.rest).to_vec())
    }

    /// A value of a derived type further up.
    fn again(&mut self, levels: u64) -> Result<Value, NotWalked> {
        let levels = usize::try_from(levels).map_err(|_| NotWalked)?;
        let at = self.open.len().checked_sub(levels + 1).ok_or(NotWalked)?;
        let inner = self.open.split_off(at);
        let value = self.value(inner.first().ok_or(NotWalked)?);
        self.open.extend(inner);
        value
    }

    fn fields(&mut self, fields: &'a [Field]) -> Result<Value, NotWalked> {
        let mut values = Vec::with_capacity(fields.len());
        for field in fields {
            if self.has_stopped {
                break;
            }
            values.push((field.name.clone(), self.value(&field.ty)?));
        }
        Ok(Value::Fields(values))
    }

    fn variant(&mut self, variants: &'a [Variant]) -> Result<Value, NotWalked> {
        let index: u32 = self.take()?;
        let variant = variants.get(index as usize).ok_or(NotWalked)?;
        let fields = self.fields(&variant.fields)?;
        Ok(Value::Variant(variant.name.clone(), Box::new(fields)))
    }

    fn container(
        &mut self,
        name: &str,
        arguments: &'a [Type],
        length: u64,
    ) -> Result<Value, NotWalked> {
        match (name, arguments) {
            ("Vec" | "VecDeque" | "Box<[]>", [element]) => {
                let length = self.take()?;
                self.list(element, length)
            }
            ("array", [element]) => self.list(element, length),
            ("BTreeSet", [element]) => self.set(element),
            ("BTreeMap", [key, value]) => self.map(key, value),
            ("Box", [inside]) => self.value(inside),
            ("PhantomData", [_]) => Ok(Value::nothing()),
            ("Option", [inside]) => match self.take::<u8>()? {
                0 => Ok(Value::Plain("none".to_owned())),
                1 => self.value(inside),
                _ => Err(NotWalked),
            },
            ("Result", [ok, error]) => {
                let (name, inside) = match self.take::<u32>()? {
                    0 => ("Ok", ok),
                    1 => ("Err", error),
                    _ => return Err(NotWalked),
                };
                Ok(Value::Variant(
                    name.to_owned(),
                    Box::new(self.value(inside)?),
                ))
            }
            ("tuple", elements) => {
                let mut values = Vec::with_capacity(elements.len());
                for (at, element) in elements.iter().enumerate() {
                    if self.has_stopped {
                        break;
                    }
                    values.push((at.to_string(), self.value(element)?));
                }
                Ok(Value::Fields(values))
            }
            _ => Ok(self.rest_of_it()),
        }
    }

    fn list(&mut self, element: &'a Type, length: u64) -> Result<Value, NotWalked> {
        if matches!(element, Type::Scalar { name, .. } if name == "u8") {
            let length = usize::try_from(length).map_err(|_| NotWalked)?;
            let (bytes, rest) = self.rest.split_at_checked(length).ok_or(NotWalked)?;
            self.rest = rest;
            return Ok(Value::Bytes(bytes.to_vec()));
        }
        let mut values = Vec::new();
        for _ in 0..length {
            if self.has_stopped {
                break;
            }
            values.push(self.value(element)?);
        }
        Ok(Value::List(values))
    }

    fn set(&mut self, element: &'a Type) -> Result<Value, NotWalked> {
        let length: u64 = self.take()?;
        let mut keys = Vec::new();
        for _ in 0..length {
            keys.push(self.value(element)?.to_string());
        }
        Ok(Value::Set(keys))
    }

    fn map(&mut self, key: &'a Type, value: &'a Type) -> Result<Value, NotWalked> {
        let length: u64 = self.take()?;
        let mut entries = Vec::new();
        for _ in 0..length {
            if self.has_stopped {
                break;
            }
            let key = self.value(key)?.to_string();
            entries.push((key, self.value(value)?));
        }
        Ok(Value::Map(entries))
    }

    fn scalar(&mut self, name: &str) -> Result<Value, NotWalked> {
        match name {
            "u8" => self.shown::<u8>(),
            "u16" => self.shown::<u16>(),
            "u32" => self.shown::<u32>(),
            "u64" => self.shown::<u64>(),
            "u128" => self.shown::<u128>(),
            "usize" => self.shown::<usize>(),
            "i8" => self.shown::<i8>(),
            "i16" => self.shown::<i16>(),
            "i32" => self.shown::<i32>(),
            "i64" => self.shown::<i64>(),
            "i128" => self.shown::<i128>(),
            "isize" => self.shown::<isize>(),
            "f32" => self.shown::<f32>(),
            "f64" => self.shown::<f64>(),
            "bool" => self.shown::<bool>(),
            "char" => Ok(Value::Plain(format!("{:?}", self.take::<char>()?))),
            "String" | "Box<str>" => Ok(Value::Plain(format!("{:?}", self.take::<String>()?))),
            "()" => Ok(Value::nothing()),
            "EngineId" => self.shown::<EngineId>(),
            "ClientId" => Ok(Value::Plain(format!("{:?}", self.take::<ClientId>()?))),
            "Height" => self.shown::<Height>(),
            "BlockTime" => self.shown::<BlockTime>(),
            "BlockHash" => self.shown::<BlockHash>(),
            "Generation" => self.shown::<Generation>(),
            "TimerId" => Ok(Value::Plain(format!("{:?}", self.take::<TimerId>()?))),
            _ => Ok(self.rest_of_it()),
        }
    }

    fn shown<T: DeserializeOwned + Display>(&mut self) -> Result<Value, NotWalked> {
        Ok(Value::Plain(self.take::<T>()?.to_string()))
    }

    fn take<T: DeserializeOwned>(&mut self) -> Result<T, NotWalked> {
        let (value, rest) = postcard::take_from_bytes(self.rest).map_err(|_| NotWalked)?;
        self.rest = rest;
        Ok(value)
    }
}
