//! An upgrade in the model: stages, rounds, the commit.

use crate::bus::model::{Engine, Kind, Mail, Model, may};
use crate::bus::ops::{Birth, Born, Core, Op};
use refit_abi::{EngineId, Undelivered};
use std::collections::{BTreeMap, BTreeSet};

/// Why nothing comes of it. The model does not say more.
struct Aborted;

/// An engine on the bus.
struct Resident {
    engine: Engine,
    /// Its place before; `None` if it was started on the bus.
    home: Option<usize>,
    retired: bool,
    scripts: Vec<(EngineId, Vec<Op>)>,
}

/// What one engine did: no other sees it before the stage or the round is over.
#[derive(Default)]
struct Out {
    newborns: Vec<Engine>,
    retired: Vec<EngineId>,
    sends: Vec<(EngineId, Kind, EngineId, Payload)>,
}

#[derive(Clone)]
enum Payload {
    Script(Vec<Op>),
    Add(u64),
}

/// An upgrade under way.
pub(crate) struct Upgrade<'a> {
    old: &'a Model,
    new: Model,
    residents: Vec<Resident>,
    gone: BTreeSet<EngineId>,
    ended: Vec<EngineId>,
    later: Vec<(EngineId, EngineId, u64)>,
}

fn hears(kind: Kind, code: u32) -> bool {
    kind == "fresh" || (code > 1 && ["alpha", "beta", "stray"].contains(&kind))
}

impl<'a> Upgrade<'a> {
    /// The node after it; `None` if it is aborted.
    pub(crate) fn run(
        old: &'a Model,
        release: &[(Kind, u32)],
        restart: &BTreeSet<Kind>,
    ) -> Option<Model> {
        let mut new = old.clone();
        new.code.extend(release.iter().copied());
        let mut upgrade = Self {
            old,
            new,
            residents: Vec::new(),
            gone: BTreeSet::new(),
            ended: Vec::new(),
            later: Vec::new(),
        };
        let mut held = Vec::new();
        for stage in [0, 1] {
            let outs = upgrade.stage(stage, release, restart).ok()?;
            held.extend(upgrade.take_up(outs).ok()?);
        }
        upgrade.route(held).ok()?;
        while upgrade
            .residents
            .iter()
            .any(|resident| !resident.scripts.is_empty())
        {
            let outs = upgrade.round().ok()?;
            let sends = upgrade.take_up(outs).ok()?;
            upgrade.route(sends).ok()?;
        }
        Some(upgrade.commit())
    }

    fn stage(
        &mut self,
        stage: usize,
        release: &[(Kind, u32)],
        restart: &BTreeSet<Kind>,
    ) -> Result<Vec<Out>, Aborted> {
        // `beta` comes after these in every version but the first, if they come in with it.
        let comes = |(kind, _): &(Kind, u32)| ["alpha", "fresh"].contains(kind);
        let beta = usize::from(release.iter().any(comes));
        let mut outs = Vec::new();
        for (place, engine) in self.old.engines.iter().enumerate() {
            let crosses = release.iter().find(|(kind, _)| *kind == engine.kind);
            let Some((kind, code)) = crosses else {
                continue;
            };
            if stage == (if *kind == "beta" { beta } else { 0 }) {
                let mut out = Out::default();
                self.cross(place, *code, restart.contains(kind), &mut out)?;
                outs.push(out);
            }
        }
        Ok(outs)
    }

    fn cross(
        &mut self,
        place: usize,
        code: u32,
        afresh: bool,
        out: &mut Out,
    ) -> Result<(), Aborted> {
        let mut engine = self.old.engines[place].clone();
        let before = self.old.code[engine.kind];
        if afresh {
            engine.core = Core {
                total: engine.birth.number,
                ..Core::default()
            };
            engine.notes.clear();
            self.new.drop_timers(engine.id);
        } else if engine.kind == "plain" {
            // Only a new field is made, once for each step; the rest is moved.
            for _ in before..code {
                let core = engine.core.clone();
                self.script(&mut engine, true, out)?;
                engine.notes = std::mem::replace(&mut engine.core, core).trail;
            }
        } else if engine.kind != "same" && before < code {
            self.script(&mut engine, true, out)?;
        }
        if hears(engine.kind, code) {
            self.residents.push(Resident {
                engine,
                home: Some(place),
                retired: false,
                scripts: Vec::new(),
            });
        } else {
            self.new.engines[place] = engine;
        }
        Ok(())
    }

    /// Does an engine's plan, which is done then.
    fn script(&mut self, engine: &mut Engine, asks: bool, out: &mut Out) -> Result<(), Aborted> {
        for op in std::mem::take(&mut engine.core.plan) {
            self.step(engine, &op, asks, out).map_err(|_| Aborted)?;
        }
        Ok(())
    }

    /// One step; an error's code if it does not succeed. `asks`: in a transition.
    fn step(
        &mut self,
        me: &mut Engine,
        op: &Op,
        asks: bool,
        out: &mut Out,
    ) -> Result<(), &'static str> {
        match op {
            Op::Log(_) => {}
            Op::Note(number) => me.core.trail.push(number.to_string()),
            Op::Try(op) => {
                if let Err(code) = self.step(me, op, asks, out) {
                    me.core.trail.push(code.to_owned());
                }
            }
            Op::Send { to, script } => {
                out.sends
                    .push((me.id, me.kind, *to, Payload::Script(script.clone())));
                me.sent += 1;
            }
            Op::Say { to, number } => {
                out.sends.push((me.id, me.kind, *to, Payload::Add(*number)));
                me.sent += 1;
            }
            Op::Read(engine) => {
                let told = self.read(me.kind, *engine)?;
                me.core.trail.push(format!("old {engine}: {told}"));
            }
            Op::Query(_) if !asks => return Err("bus-query-in-round"),
            Op::Query(engine) => {
                let told = self.query(me.kind, *engine)?;
                me.core.trail.push(format!("new {engine}: {told}"));
            }
            Op::Spawn { kind, name, birth } => {
                let id = self.spawn(me, *kind, name.as_deref(), birth, out)?;
                me.core.trail.push(format!("started {id}"));
            }
            Op::Retire(engine) => {
                self.may_retire(me.id, *engine, out)?;
                out.retired.push(*engine);
            }
            Op::Fail => return Err("unlucky"),
            other => panic!("{other:?} is not modelled"),
        }
        Ok(())
    }

    fn read(&self, kind: Kind, engine: EngineId) -> Result<String, &'static str> {
        let place = self.old.place(engine).ok_or(self.absence(engine))?;
        told(&self.old.engines[place], kind, self.old)
    }

    fn absence(&self, id: EngineId) -> &'static str {
        match self.old.absence(id) {
            Undelivered::Stopped => "bus-unavailable",
            _ => "bus-unknown",
        }
    }

    fn query(&self, kind: Kind, engine: EngineId) -> Result<String, &'static str> {
        let resident = self
            .residents
            .iter()
            .find(|resident| resident.engine.id == engine);
        if resident.is_some_and(|resident| resident.retired) {
            return Err("bus-unavailable");
        }
        let engine = match (resident, self.old.place(engine)) {
            (Some(resident), _) => &resident.engine,
            (None, Some(place)) => &self.new.engines[place],
            (None, None) => return Err(self.absence(engine)),
        };
        if kind != "beta" || !["alpha", "fresh"].contains(&engine.kind) {
            return Err("bus-undeclared-query");
        }
        told(engine, kind, &self.new)
    }

    fn exists(&self, id: EngineId, out: &Out) -> bool {
        self.old.place(id).is_some()
            || self
                .residents
                .iter()
                .any(|resident| resident.engine.id == id)
            || out.newborns.iter().any(|engine| engine.id == id)
    }

    fn spawn(
        &self,
        me: &mut Engine,
        kind: Born,
        name: Option<&str>,
        birth: &Birth,
        out: &mut Out,
    ) -> Result<EngineId, &'static str> {
        let kind = match kind {
            Born::Fresh => "fresh",
            Born::Leaf => "leaf",
            Born::Fixed => "fixed",
        };
        if !self.new.code.contains_key(kind) {
            return Err("bus-unknown-kind");
        }
        let id = name.map_or_else(|| me.id.child(me.children), Model::named);
        if self.exists(id, out) || self.old.ended.contains(&id) {
            return Err("bus-taken");
        }
        me.children += 1;
        out.newborns
            .push(Engine::new(id, kind, Some(me.id), birth.clone()));
        Ok(id)
    }

    fn may_retire(&self, me: EngineId, engine: EngineId, out: &Out) -> Result<(), &'static str> {
        if !self.exists(engine, out) {
            return Err("bus-unknown");
        }
        let on_bus = self.residents.iter().map(|resident| &resident.engine);
        let known = out.newborns.iter().chain(on_bus).chain(&self.old.engines);
        let mut parents = known
            .filter(|known| known.id == engine)
            .map(|known| known.parent);
        match engine == me || parents.any(|parent| parent == Some(me)) {
            true => Ok(()),
            false => Err("capability-missing"),
        }
    }

    /// Engines started, then engines retired; gives what was sent.
    fn take_up(
        &mut self,
        outs: Vec<Out>,
    ) -> Result<Vec<(EngineId, Kind, EngineId, Payload)>, Aborted> {
        let (mut sends, mut retired) = (Vec::new(), Vec::new());
        for out in outs {
            for engine in out.newborns {
                if self
                    .residents
                    .iter()
                    .any(|resident| resident.engine.id == engine.id)
                {
                    return Err(Aborted);
                }
                self.residents.push(Resident {
                    engine,
                    home: None,
                    retired: false,
                    scripts: Vec::new(),
                });
            }
            retired.extend(out.retired);
            sends.extend(out.sends);
        }
        for id in retired {
            if self.later.iter().any(|(_, to, _)| *to == id) {
                return Err(Aborted);
            }
            let resident = self
                .residents
                .iter_mut()
                .find(|resident| resident.engine.id == id);
            let is_new = resident
                .as_ref()
                .is_some_and(|resident| resident.home.is_none());
            if let Some(resident) = resident {
                resident.retired = true;
            }
            if !is_new {
                self.ended.push(id);
            }
            self.gone.insert(id);
        }
        Ok(sends)
    }

    fn route(&mut self, sends: Vec<(EngineId, Kind, EngineId, Payload)>) -> Result<(), Aborted> {
        for (from, kind, to, payload) in sends {
            let resident = self
                .residents
                .iter_mut()
                .find(|resident| resident.engine.id == to);
            let old = self.old.place(to).map(|place| &self.old.engines[place]);
            let receiver = match (&resident, old) {
                (Some(resident), _) => resident.engine.kind,
                (None, Some(engine)) => engine.kind,
                (None, None) => return Err(Aborted),
            };
            if !may(kind, receiver) || self.gone.contains(&to) {
                return Err(Aborted);
            }
            let takes = resident.filter(|_| hears(receiver, self.new.code[receiver]));
            match (payload, takes) {
                (Payload::Script(script), Some(resident)) => resident.scripts.push((from, script)),
                (Payload::Add(number), None) => self.later.push((from, to, number)),
                _ => return Err(Aborted),
            }
        }
        Ok(())
    }

    fn round(&mut self) -> Result<Vec<Out>, Aborted> {
        let active = (0..self.residents.len()).filter(|p| !self.residents[*p].scripts.is_empty());
        let active: Vec<usize> = active.collect();
        let mut outs = Vec::new();
        for place in active {
            let mut out = Out::default();
            let scripts = std::mem::take(&mut self.residents[place].scripts);
            let mut engine = self.residents[place].engine.clone();
            for (from, script) in scripts {
                engine.core.trail.push(format!("script of {from}"));
                for op in script {
                    self.step(&mut engine, &op, false, &mut out)
                        .map_err(|_| Aborted)?;
                }
            }
            self.residents[place].engine = engine;
            outs.push(out);
        }
        Ok(outs)
    }

    fn commit(mut self) -> Model {
        for resident in self.residents {
            match resident.home {
                Some(place) => self.new.engines[place] = resident.engine,
                None if resident.retired => {}
                None => self.new.engines.push(resident.engine),
            }
        }
        for id in self.ended {
            self.new.end(id);
        }
        let mut first = BTreeMap::<EngineId, Vec<Mail>>::new();
        for (from, to, number) in self.later {
            first
                .entry(to)
                .or_default()
                .push(Mail::Engine(from, number));
        }
        for (to, mut mail) in first {
            let place = self.new.place(to).unwrap();
            let inbox = &mut self.new.engines[place].inbox;
            mail.append(inbox);
            *inbox = mail;
        }
        self.new.close_gaps();
        self.new
    }
}

fn told(engine: &Engine, asker: Kind, node: &Model) -> Result<String, &'static str> {
    if !may(asker, engine.kind) {
        return Err("capability-missing");
    }
    Ok(format!("{} {}", node.code[engine.kind], engine.core.total))
}
