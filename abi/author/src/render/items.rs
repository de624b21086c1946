//! Which types a frozen module declares: each derived type of the tree once.

use super::{Declared, Module, RenderError, names};
use crate::types::layoutless;
use refit_abi::schema::{Field, Type, Variant};

/// The name of the root that is the state.
const STATE: &str = "state";

/// The types of a module; the roots are among them.
#[derive(Debug, Default)]
pub(super) struct Items {
    pub(super) all: Vec<Item>,
    /// The items that are being described, outermost first.
    open: Vec<usize>,
}

/// One derived type.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) ident: String,
    pub(super) ty: Type,
    /// The items outside of it that its recursions mean.
    outer: Vec<usize>,
    /// The items that its fields name.
    uses: Vec<usize>,
    /// Whether it was asked for.
    pub(super) is_root: bool,
    /// Whether it is the state itself: each version has its own.
    is_state: bool,
    pub(super) is_key: bool,
    /// Whether a `#[state(serde)]` field is inside, whose type may lack any trait.
    pub(super) is_foreign: bool,
    /// For each variant, or for the struct, the texts of its fields' types.
    pub(super) fields: Vec<Vec<String>>,
    /// The module and name that it is taken from, instead of being declared.
    pub(super) taken_from: Option<(String, String)>,
    /// Whether anything that is declared needs it.
    pub(super) is_needed: bool,
    /// The modules that its fields' types are imported from.
    pub(super) imports: Vec<&'static str>,
}

/// Finds the types of all roots.
pub(super) fn collect(roots: &[(&'static str, &Type)]) -> Result<Items, RenderError> {
    let mut items = Items::default();
    for (what, ty) in roots {
        if !matches!(ty, Type::Struct { .. } | Type::Enum { .. }) {
            return Err(RenderError::NotDerived {
                what: (*what).to_owned(),
                name: super::type_text(ty),
            });
        }
        let root = items.derived(ty)?;
        items.all[root].is_root = true;
        items.all[root].is_state |= *what == STATE;
    }
    items.spread();
    Ok(items)
}

/// The imports and bounds that a field's type needs.
#[derive(Default)]
struct Needs {
    uses: Vec<usize>,
    /// The items inside keys of maps.
    keys: Vec<usize>,
    imports: Vec<&'static str>,
}

impl Items {
    /// The item of a derived type, made if it is new.
    fn derived(&mut self, ty: &Type) -> Result<usize, RenderError> {
        let mut outer = Vec::new();
        self.outer(ty, 0, &mut outer)?;
        let known = |item: &Item| item.ty == *ty && item.outer == outer;
        if let Some(index) = self.all.iter().position(known) {
            return Ok(index);
        }
        let index = self.all.len();
        let used: Vec<_> = self.all.iter().map(|item| item.ident.clone()).collect();
        self.all.push(Item {
            ident: names::ident(&super::type_text(ty), &used),
            ty: ty.clone(),
            outer,
            uses: Vec::new(),
            is_root: false,
            is_state: false,
            is_key: false,
            is_foreign: false,
            fields: Vec::new(),
            taken_from: None,
            is_needed: false,
            imports: Vec::new(),
        });
        self.open.push(index);
        let described = self.members(index, ty);
        self.open.pop();
        described.map(|()| index)
    }

    fn members(&mut self, index: usize, ty: &Type) -> Result<(), RenderError> {
        let mut needs = Needs::default();
        let groups: Vec<&[Field]> = match ty {
            Type::Struct { fields, .. } => vec![fields],
            Type::Enum { variants, .. } => variants
                .iter()
                .map(|variant: &Variant| &variant.fields[..])
                .collect(),
            _ => Vec::new(),
        };
        let mut texts = Vec::new();
        for fields in &groups {
            let fields = fields.iter().map(|field| self.text(&field.ty, &mut needs));
            texts.push(fields.collect::<Result<Vec<_>, _>>()?);
        }
        let foreign = |field: &Field| matches!(field.ty, Type::Serde { .. });
        let item = &mut self.all[index];
        item.is_foreign = groups.into_iter().flatten().any(foreign);
        item.fields = texts;
        item.uses = needs.uses;
        item.imports = needs.imports;
        for key in needs.keys {
            self.all[key].is_key = true;
        }
        Ok(())
    }

    /// The type of a field as Rust.
    fn text(&mut self, ty: &Type, needs: &mut Needs) -> Result<String, RenderError> {
        match ty {
            Type::Serde { name, .. } => Ok(name.clone()),
            Type::Scalar { name, .. } => {
                let import = names::scalar(name).ok_or_else(|| unknown(name))?;
                needs.imports.extend(import);
                Ok(name.clone())
            }
            Type::Struct { .. } | Type::Enum { .. } => {
                let index = self.derived(ty)?;
                needs.uses.push(index);
                Ok(self.all[index].ident.clone())
            }
            Type::Recursion { name, levels } => {
                let index = self.meant(name, *levels)?;
                needs.uses.push(index);
                Ok(self.all[index].ident.clone())
            }
            Type::Container {
                name,
                arguments,
                length,
                ..
            } => {
                needs.imports.extend(names::import(name));
                let mut texts = Vec::new();
                for (place, argument) in arguments.iter().enumerate() {
                    let before = needs.uses.len();
                    texts.push(self.text(argument, needs)?);
                    if place == 0 && (name == "BTreeMap" || name == "BTreeSet") {
                        let Needs { uses, keys, .. } = needs;
                        keys.extend(&uses[before..]);
                    }
                }
                names::container(name, &texts, *length).ok_or_else(|| unknown(name))
            }
            _ => Err(unknown("a type of a later release")),
        }
    }

    /// The open item that a recursion means.
    fn meant(&self, name: &str, levels: u64) -> Result<usize, RenderError> {
        let up = usize::try_from(levels).unwrap_or(usize::MAX);
        let index = self.open.iter().rev().nth(up);
        index.copied().ok_or_else(|| RenderError::Recursion {
            name: name.to_owned(),
        })
    }

    /// The open items that recursions inside `ty` mean, `depth` derived types deep in it.
    fn outer(&self, ty: &Type, depth: u64, found: &mut Vec<usize>) -> Result<(), RenderError> {
        let fields: Vec<&Field> = match ty {
            Type::Recursion { name, levels } if *levels >= depth => {
                found.push(self.meant(name, levels - depth)?);
                return Ok(());
            }
            Type::Container { arguments, .. } => {
                return arguments
                    .iter()
                    .try_for_each(|argument| self.outer(argument, depth, found));
            }
            Type::Struct { fields, .. } => fields.iter().collect(),
            Type::Enum { variants, .. } => variants.iter().flat_map(|v| &v.fields).collect(),
            _ => return Ok(()),
        };
        fields
            .into_iter()
            .try_for_each(|field| self.outer(&field.ty, depth + 1, found))
    }

    /// Marks the insides of a key as keys, and a type that holds something foreign as foreign.
    fn spread(&mut self) {
        // Each pass that changes something sets at least one of two flags of an item.
        for _ in 0..=2 * self.all.len() {
            let mut changed = false;
            for index in 0..self.all.len() {
                for used in self.all[index].uses.clone() {
                    if self.all[index].is_key && !self.all[used].is_key {
                        self.all[used].is_key = true;
                        changed = true;
                    }
                    if self.all[used].is_foreign && !self.all[index].is_foreign {
                        self.all[index].is_foreign = true;
                        changed = true;
                    }
                }
            }
            if !changed {
                break;
            }
        }
    }

    /// Takes what earlier modules declare from there: the newest first.
    pub(super) fn reuse(&mut self, earlier: &[Module]) {
        for item in self.all.iter_mut().filter(|item| !item.is_state) {
            let ty = layoutless(&item.ty);
            let fits = |declared: &&Declared| {
                !declared.is_state && declared.ty == ty && (declared.is_key || !item.is_key)
            };
            let found = earlier.iter().rev().find_map(|module| {
                let declared = module.types.iter().find(fits)?;
                Some((module.name.clone(), declared.ident.clone()))
            });
            item.taken_from = found.filter(|_| item.outer.is_empty());
        }
        let mut wanted: Vec<usize> = (0..self.all.len())
            .filter(|index| self.all[*index].is_root)
            .collect();
        while let Some(index) = wanted.pop() {
            let item = &mut self.all[index];
            if !item.is_needed {
                item.is_needed = true;
                if item.taken_from.is_none() {
                    wanted.extend(&item.uses);
                }
            }
        }
    }

    /// The types that the module will declare.
    pub(super) fn declared(&self) -> Vec<Declared> {
        let needed = self.all.iter().filter(|item| item.is_needed);
        let declared = needed.filter(|item| item.outer.is_empty());
        declared
            .map(|item| Declared {
                ident: item.ident.clone(),
                ty: layoutless(&item.ty),
                is_key: item.is_key,
                is_state: item.is_state,
            })
            .collect()
    }

    /// The items that the module declares itself.
    pub(super) fn own(&self) -> impl Iterator<Item = &Item> {
        let own = |item: &&Item| item.is_needed && item.taken_from.is_none();
        self.all.iter().filter(own)
    }

    /// The types of `#[state(serde)]` fields that need a name which is not always there.
    pub(super) fn foreign(&self) -> Vec<String> {
        let mut found = Vec::new();
        for item in self.own() {
            let groups: Vec<&[Field]> = match &item.ty {
                Type::Struct { fields, .. } => vec![fields],
                Type::Enum { variants, .. } => variants.iter().map(|v| &v.fields[..]).collect(),
                _ => Vec::new(),
            };
            for field in groups.into_iter().flatten() {
                match &field.ty {
                    Type::Serde { name, .. } if !found.contains(name) && !is_everywhere(name) => {
                        found.push(name.clone());
                    }
                    _ => {}
                }
            }
        }
        found
    }
}

/// Whether a type needs no import, wherever it is written.
fn is_everywhere(name: &str) -> bool {
    let absolute = ["::", "std::", "core::", "crate::"];
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    name.chars().all(plain)
        || names::scalar(name) == Some(None)
        || absolute.iter().any(|start| name.starts_with(start)) && !name.contains('<')
}

fn unknown(name: &str) -> RenderError {
    RenderError::Unknown {
        name: name.to_owned(),
    }
}
