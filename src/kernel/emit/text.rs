//! The text of a kernel: bindings, parameters and accessors written out, and the files joined to them.

use super::{Kernel, Part, address::Addressing, in_turn};
use crate::{
    device::gpu::ParamSpace,
    shape::DType,
    tensor::{
        Scalar, Wgsl,
        expr::{Plan, Source},
    },
};
use std::fmt::Write;

impl Kernel<'_> {
    pub(super) fn text(&self, space: ParamSpace) -> String {
        let mut t = String::new();
        if self.bound.iter().any(|b| b.dtype == DType::F16) {
            t.push_str("enable f16;\n");
        }
        let _ = writeln!(t, "alias T = {};", element(self.compute));
        if space != ParamSpace::None {
            t.push_str("struct P {\n");
            for (field, float) in &self.fields {
                let _ = writeln!(t, "    {}: {},", field.name(), if *float { "f32" } else { "u32" });
            }
            t.push_str("}\n");
            t.push_str(match space {
                ParamSpace::Immediate => "var<immediate> p: P;\n",
                _ => "@group(1) @binding(0) var<uniform> p: P;\n",
            });
        }
        for (i, b) in self.bound.iter().enumerate() {
            let access = if b.read_only { "read" } else { "read_write" };
            let of = match b.lanes {
                0 => "atomic<u32>".to_string(),
                1 => element(b.dtype).to_string(),
                n => format!("vec{n}<{}>", element(b.dtype)),
            };
            let _ = writeln!(t, "@group(0) @binding({i}) var<storage, {access}> b{i}: array<{of}>;");
        }
        for part in &self.parts {
            self.part(&mut t, part);
        }
        let mut files: Vec<Wgsl> = self.files.iter().chain(&self.share).copied().collect();
        for part in &self.parts {
            let plan = match part {
                Part::Load { plan, .. } | Part::Map { plan, .. } | Part::Epilogue { plan, .. } => plan,
                _ => continue,
            };
            files.extend(plan.nodes.iter().flat_map(|n| n.op.files.iter().copied()));
        }
        let mut joined: Vec<&str> = vec![];
        for file in files {
            if !joined.contains(&file.path) {
                joined.push(file.path);
                let _ = write!(t, "\n// {}\n{}", file.path, mutated(file));
            }
        }
        t
    }

    fn part(&self, t: &mut String, part: &Part<'_>) {
        let mut w = |line: std::fmt::Arguments<'_>| {
            let _ = t.write_fmt(line);
        };
        match part {
            Part::Constant { name, value } => w(format_args!("const {name}: u32 = {value}u;\n")),
            Part::Memory { name, binding } => {
                let b = &self.bound[*binding];
                w(format_args!("fn read_{name}(i: u32) -> T {{ return {}; }}\n", self.convert(*binding, "i", 1)));
                if !b.read_only {
                    let v = stored(b.dtype, self.compute, "v");
                    w(format_args!("fn write_{name}(i: u32, v: T) {{ b{binding}[i] = {v}; }}\n"));
                }
            }
            Part::InTurn { parts } => in_turn::text(t, *parts),
            Part::Matrix { name, at } => {
                w(format_args!("fn base_{name}(o: u32) -> u32 {{\n"));
                self.coordinates_of(t, name, at, 0, "o");
                let _ = writeln!(t, "    return p.{name}_at0{};\n}}", self.along(name, at, 0, 0));
                let binding = at.bindings[0];
                let position = format!("base{}", self.along(name, at, 0, 1));
                let mut load = |digit: &str, of: &str, value: String| {
                    let _ = writeln!(t, "fn load{digit}_{name}(base: u32, r: u32) -> {of} {{");
                    self.coordinates_of(t, name, at, 1, "r");
                    let _ = writeln!(t, "    return {value};\n}}");
                };
                if self.bound[binding].lanes == 4 {
                    let four = self.convert(binding, &position, 4);
                    load("", "T", format!("{four}[({position}) % 4u]"));
                    load("4", "vec4<T>", four);
                } else {
                    load("", "T", self.convert(binding, &position, 1));
                }
            }
            Part::Integers { name, binding, lanes } => {
                let (digit, of, unit) = if *lanes == 4 { ("4", "vec4<i32>", " / 4u") } else { ("", "i32", "") };
                let place = format!("b{binding}[(p.{name}_at0 + i){unit}]");
                w(format_args!("fn get{digit}_{name}(i: u32) -> {of} {{ return {place}; }}\n"));
                if !self.bound[*binding].read_only {
                    w(format_args!("fn put{digit}_{name}(i: u32, v: {of}) {{ {place} = v; }}\n"));
                }
            }
            Part::StoreFours { name, binding } => {
                let v = stored_lanes(self.bound[*binding].dtype, self.compute, "v", 4);
                w(format_args!(
                    "fn store4_{name}(i: u32, v: vec4<T>) {{ b{binding}[(p.{name}_at0 + i) / 4u] = {v}; }}\n"
                ));
            }
            Part::Put { name, binding, at } => {
                w(format_args!("fn put_{name}(i: u32, v: i32) {{\n"));
                let position = self.position(t, name, at, 0, &["i"]);
                let _ = writeln!(t, "    b{binding}[{position}] = v;\n}}");
            }
            Part::Fault { binding: None } => {
                t.push_str("fn fault(index: u32, position: u32, low: u32, high: u32) {}\n");
            }
            Part::Fault { binding: Some(binding) } => {
                w(format_args!(
                    "fn fault(index: u32, position: u32, low: u32, high: u32) {{\n    \
                     if (atomicMax(&b{binding}[0], p.operator_number) == 0u) {{\n        \
                     atomicStore(&b{binding}[1], index);\n        atomicStore(&b{binding}[2], position);\n        \
                     atomicStore(&b{binding}[3], low);\n        atomicStore(&b{binding}[4], high);\n    }}\n}}\n"
                ));
            }
            Part::Store { name, binding, at } => {
                let v = stored(self.bound[*binding].dtype, self.compute, "v");
                let dash = if name.is_empty() { "" } else { "_" };
                match at {
                    None => {
                        w(format_args!(
                            "fn store{dash}{name}(i: u32, v: T) {{ b{binding}[p.{name}_at0 + i] = {v}; }}\n"
                        ));
                    }
                    Some(at) => {
                        let args: &[&str] = if at.groups.len() == 2 { &["o", "r"] } else { &["i"] };
                        let list: Vec<String> = args.iter().map(|a| format!("{a}: u32")).collect();
                        w(format_args!("fn store{dash}{name}({}, v: T) {{\n", list.join(", ")));
                        let position = self.position(t, name, at, 0, args);
                        let _ = writeln!(t, "    b{binding}[{position}] = {v};\n}}");
                    }
                }
            }
            Part::Load { name, plan, source, at, fours } => {
                let args: &[&str] = if at.groups.len() == 2 { &["o", "r"] } else { &["i"] };
                let flat = if at.groups.len() == 2 { "0u" } else { "i" };
                let list: Vec<String> = args.iter().map(|a| format!("{a}: u32")).collect();
                w(format_args!("fn load_{name}({}) -> T {{\n", list.join(", ")));
                let value = self.body(t, name, plan, at, args, flat, 1);
                let _ = writeln!(t, "    return {};\n}}", value(*source));
                let Some(lanes) = fours else { return };
                let _ = writeln!(t, "fn load4_{name}(o: u32, r: u32) -> vec4<T> {{");
                if *lanes == 4 {
                    let value = self.body(t, name, plan, at, args, flat, 4);
                    let _ = writeln!(t, "    return {};\n}}", value(*source));
                } else {
                    let each = ["", " + 1u", " + 2u", " + 3u"].map(|more| format!("load_{name}(o, r{more})"));
                    let _ = writeln!(t, "    return vec4<T>({});\n}}", each.join(", "));
                }
            }
            Part::Map { plan, at, outputs, lanes, cell } => {
                w(format_args!("const LANES: u32 = {lanes}u;\nfn op(i: u32) {{\n"));
                let regions = plan.outputs.iter().filter(|o| o.region.is_some()).count();
                let flat = if *cell { self.sum("x", at, plan.leaves.len() + regions) } else { "i".into() };
                let value = self.body(t, "x", plan, at, &["i"], &flat, *lanes);
                let unit = if *lanes == 4 { " / 4u" } else { "" };
                let positions = self.output_positions("x", plan, at);
                for (k, (output, binding)) in plan.outputs.iter().zip(outputs).enumerate() {
                    let v = stored_lanes(output.storage.dtype, self.compute, &value(output.source), *lanes);
                    let _ = writeln!(t, "    b{binding}[({}){unit}] = {v};", positions[k]);
                }
                t.push_str("}\n");
            }
            Part::Epilogue { plan, at, outputs, split, fours } => {
                let args: &[&str] = if *split { &["o", "r"] } else { &["i"] };
                let list: Vec<String> = args.iter().map(|a| format!("{a}: u32")).collect();
                let (lanes, digit, of, unit) = match fours {
                    Some(4) => (4, "4", "vec4<T>", " / 4u"),
                    _ => (1, "", "T", ""),
                };
                w(format_args!("fn store{digit}({}, v: {of}) {{\n", list.join(", ")));
                if *split {
                    t.push_str("    let i = o * p.columns + r;\n");
                }
                let value = self.body(t, "e", plan, at, args, "i", lanes);
                let positions = self.output_positions("e", plan, at);
                for (k, (output, binding)) in plan.outputs.iter().zip(outputs).enumerate() {
                    let v = stored_lanes(output.storage.dtype, self.compute, &value(output.source), lanes);
                    let _ = writeln!(t, "    b{binding}[({}){unit}] = {v};", positions[k]);
                }
                t.push_str("}\n");
                if *fours == Some(1) {
                    let each = ["x", "y", "z", "w"].iter().enumerate();
                    let each: Vec<String> = each.map(|(k, lane)| format!("    store(i + {k}u, v.{lane});\n")).collect();
                    let _ = writeln!(t, "fn store4(i: u32, v: vec4<T>) {{\n{}}}", each.concat());
                }
            }
        }
    }

    /// `T(b<k>[i])`, or the vector of them.
    fn convert(&self, binding: usize, i: &str, lanes: u8) -> String {
        let b = &self.bound[binding];
        let same = element(b.dtype) == element(self.compute);
        match (b.lanes, lanes, same) {
            (1, 1, true) => format!("b{binding}[{i}]"),
            (1, 1, false) => format!("T(b{binding}[{i}])"),
            (1, _, _) => format!("vec4<T>(T(b{binding}[{i}]))"),
            (_, 1, true) => format!("b{binding}[({i}) / 4u][({i}) % 4u]"),
            (_, 1, false) => format!("T(b{binding}[({i}) / 4u][({i}) % 4u])"),
            (_, _, true) => format!("b{binding}[({i}) / 4u]"),
            (_, _, false) => format!("vec4<T>(b{binding}[({i}) / 4u])"),
        }
    }

    /// Writes loads and nodes; returns how to name a source's value.
    #[allow(clippy::too_many_arguments)]
    fn body(
        &self,
        t: &mut String,
        name: &str,
        plan: &Plan,
        at: &Addressing,
        args: &[&str],
        flat: &str,
        lanes: u8,
    ) -> impl Fn(Source) -> String + use<> {
        self.coordinates(t, name, at, args);
        for (l, &binding) in at.bindings.iter().enumerate() {
            let position = self.sum(name, at, l);
            let _ = writeln!(t, "    let a{l} = {};", self.convert(binding, &position, lanes));
        }
        let value = |s: Source| match s {
            Source::Leaf(l) => format!("a{l}"),
            Source::Node(n) => format!("n{n}"),
            Source::Kernel => "v".to_string(),
        };
        for (n, node) in plan.nodes.iter().enumerate() {
            let scalars: Vec<String> = node
                .scalars
                .iter()
                .enumerate()
                .map(|(k, s)| match (s, self.compute) {
                    (Scalar::F(_), DType::I32) => format!("bitcast<i32>(p.{name}_c{n}_{k})"),
                    (Scalar::F(_), DType::F32) => format!("T(p.{name}_c{n}_{k})"),
                    _ => format!("p.{name}_c{n}_{k}"),
                })
                .collect();
            let call = |lane: &str, offset: usize| {
                let mut list: Vec<String> = node.args.iter().map(|a| format!("{}{lane}", value(*a))).collect();
                list.extend(scalars.iter().cloned());
                if node.op.indexed {
                    list.push(format!("{flat} + {offset}u"));
                }
                format!("f_{}({})", node.op.name, list.join(", "))
            };
            let _ = if lanes == 1 {
                writeln!(t, "    let n{n} = {};", call("", 0))
            } else {
                let calls: Vec<String> = [".x", ".y", ".z", ".w"].iter().enumerate().map(|(i, l)| call(l, i)).collect();
                writeln!(t, "    let n{n} = vec4<T>({});", calls.join(", "))
            };
        }
        value
    }
}

/// A file's text, with one mistake in it where the test of the tests asks for one: `CATENA_MUTATE=path=>from=>to`.
fn mutated(file: Wgsl) -> std::borrow::Cow<'static, str> {
    use std::sync::OnceLock;
    static MUTATION: OnceLock<Option<[String; 3]>> = OnceLock::new();
    let wanted = MUTATION.get_or_init(|| {
        let text = std::env::var("CATENA_MUTATE").ok()?;
        text.split("=>").map(str::to_string).collect::<Vec<_>>().try_into().ok()
    });
    match wanted {
        Some([path, from, to]) if path == file.path => file.text.replacen(from.as_str(), to, 1).into(),
        _ => file.text.into(),
    }
}

/// The WGSL type of an element in memory.
fn element(dtype: DType) -> &'static str {
    match dtype {
        DType::F16 => "f16",
        DType::F32 => "f32",
        DType::I32 => "i32",
        DType::U32 | DType::U8 | DType::Bool => "u32",
        DType::F64 => unreachable!("a GPU tensor is never f64"),
    }
}

/// A value of the compute type as it is stored.
fn stored(dtype: DType, compute: DType, v: &str) -> String {
    match dtype {
        DType::Bool => format!("select(0u, 1u, {v} != T(0))"),
        DType::U8 => format!("u32({v}) & 255u"),
        d if element(d) == element(compute) => v.into(),
        d => format!("{}({v})", element(d)),
    }
}

fn stored_lanes(dtype: DType, compute: DType, v: &str, lanes: u8) -> String {
    if lanes == 1 {
        return stored(dtype, compute, v);
    }
    match dtype {
        DType::Bool => format!("select(vec4<u32>(0u), vec4<u32>(1u), {v} != vec4<T>(T(0)))"),
        DType::U8 => format!("vec4<u32>({v}) & vec4<u32>(255u)"),
        d if element(d) == element(compute) => v.into(),
        d => format!("vec4<{}>({v})", element(d)),
    }
}
