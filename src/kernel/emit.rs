//! Kernels for a GPU, put together from WGSL files and generated accessors.
//!
//! A family's file says how threads share the work; it reads with `load_x(..)` and writes with `store_y(..)`. Those
//! accessors, the bindings, the parameter struct and the constants are generated here, from plans: they find elements in
//! strided memory, convert them, and apply pending operators. The text depends on structure alone (operators, dtypes,
//! which strides are 0 or 1): sizes, strides and offsets travel as parameters.

use super::fuse::Prologue;
use crate::{
    device::{
        Buffer, Gpu,
        gpu::{Binding, Launch, ParamSpace},
    },
    shape::{DType, View, collapse},
    tensor::{
        Scalar, Wgsl,
        expr::{Leaf, Node, Plan, Source},
    },
};
use smallvec::SmallVec;
use std::{fmt::Write, sync::Arc};

/// How a family addresses elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Index {
    /// By row-major position.
    Flat,
    /// By `(o, r)`: the position over the first axes, this many, and the position over the rest.
    Split(usize),
}

/// Threads of a workgroup in families that take elements one by one.
pub(crate) const WORKGROUP: usize = 256;

#[derive(Clone, Copy)]
enum Field {
    Named(&'static str),
    Dim(&'static str, u8, u8),
    Offset(&'static str, u8),
    Stride(&'static str, u8, u8, u8),
    Scalar(&'static str, u8, u8),
}

impl Field {
    fn name(self) -> String {
        match self {
            Field::Named(name) => name.into(),
            Field::Dim(p, g, d) => format!("{p}_dim{g}_{d}"),
            Field::Offset(p, l) => format!("{p}_at{l}"),
            Field::Stride(p, l, g, d) => format!("{p}_step{l}_{g}_{d}"),
            Field::Scalar(p, n, k) => format!("{p}_c{n}_{k}"),
        }
    }
}

struct Bound {
    buffer: Buffer,
    dtype: DType,
    lanes: u8,
    read_only: bool,
}

/// How a stride enters the text.
#[derive(Clone, Copy, PartialEq)]
enum Step {
    Zero,
    One,
    Parameter,
}

impl Step {
    fn of(stride: isize) -> Step {
        match stride {
            0 => Step::Zero,
            1 => Step::One,
            _ => Step::Parameter,
        }
    }
}

/// Merged axes of one index, and for each operand its steps along them.
struct Group {
    rank: usize,
    steps: Vec<SmallVec<[Step; 4]>>,
}

/// Where elements of several operands lie, for one way of addressing.
struct Addressing {
    groups: Vec<Group>,
    bindings: Vec<usize>,
}

enum Part<'a> {
    Load { name: &'static str, plan: &'a Plan, source: Source, at: Addressing },
    Store { name: &'static str, binding: usize, at: Option<Addressing> },
    Map { plan: &'a Plan, at: Addressing, outputs: Vec<usize>, lanes: u8 },
    Epilogue { plan: &'a Plan, at: Addressing, outputs: Vec<usize>, split: bool },
    Constant { name: &'static str, value: u32 },
    Fault { binding: Option<usize> },
    Integers { name: &'static str, binding: usize },
    Memory { name: &'static str, binding: usize },
}

/// A kernel being put together.
pub(crate) struct Kernel<'a> {
    name: &'static str,
    gpu: &'a Arc<Gpu>,
    compute: DType,
    files: &'a [Wgsl],
    parts: Vec<Part<'a>>,
    bound: Vec<Bound>,
    fields: SmallVec<[(Field, bool); 32]>,
    words: SmallVec<[u32; 32]>,
    key: Vec<u8>,
    lanes: u8,
}

impl<'a> Kernel<'a> {
    /// A kernel that computes in `compute`, from files of the `shaders` folder.
    pub fn new(name: &'static str, gpu: &'a Arc<Gpu>, compute: DType, files: &'a [Wgsl]) -> Kernel<'a> {
        let mut key = Vec::with_capacity(256);
        key.extend_from_slice(name.as_bytes());
        key.push(b'#');
        key.push(compute as u8);
        Kernel {
            name,
            gpu,
            compute,
            files,
            parts: vec![],
            bound: vec![],
            fields: SmallVec::new(),
            words: SmallVec::new(),
            key,
            lanes: 1,
        }
    }

    /// Whether it will run on a software adapter.
    pub fn is_software(&self) -> bool {
        self.gpu.is_software()
    }

    /// A parameter `p.<name>: u32`.
    pub fn word(&mut self, name: &'static str, value: usize) {
        let value = u32::try_from(value).expect("launchers split what does not fit 32 bits");
        self.field(Field::Named(name), false, value);
    }

    /// A parameter `p.<name>: f32`.
    pub fn real(&mut self, name: &'static str, value: f64) {
        self.field(Field::Named(name), true, (value as f32).to_bits());
    }

    /// `const <name>: u32`, part of the text: for tile sizes and variants, never for shapes.
    pub fn constant(&mut self, name: &'static str, value: u32) {
        self.key.extend_from_slice(name.as_bytes());
        self.key.extend_from_slice(&value.to_le_bytes());
        self.parts.push(Part::Constant { name, value });
    }

    fn field(&mut self, field: Field, float: bool, word: u32) {
        self.fields.push((field, float));
        self.words.push(word);
    }

    /// The number of a buffer's binding: one for each buffer, read-write if anything writes it.
    fn bind(&mut self, buffer: &Buffer, dtype: DType, lanes: u8, read_only: bool) -> usize {
        let id = buffer.id();
        let same = |b: &Bound| b.buffer.id() == id && b.dtype == dtype && b.lanes == lanes;
        let at = match self.bound.iter().position(same) {
            Some(at) => {
                self.bound[at].read_only &= read_only;
                at
            }
            None => {
                self.bound.push(Bound { buffer: buffer.clone(), dtype, lanes, read_only });
                self.bound.len() - 1
            }
        };
        self.key.extend_from_slice(&[at as u8, dtype as u8, lanes]);
        at
    }

    /// `load_<name>(..) -> T`, through whatever the prologue computes.
    pub(in crate::kernel) fn input(&mut self, name: &'static str, prologue: &'a Prologue, index: Index) {
        self.key.push(b'L');
        let plan = &prologue.plan;
        let at = self.address(name, &plan.shape, &plan.leaves, index);
        self.nodes(name, &plan.nodes, &[prologue.source]);
        self.parts.push(Part::Load { name, plan, source: prologue.source, at });
    }

    /// `store_<name>(i, v)` into row-major memory from element `offset` on; `store(i, v)` for an empty name.
    pub fn output(&mut self, name: &'static str, buffer: &Buffer, dtype: DType, offset: usize) {
        self.key.push(b'S');
        let binding = self.bind(buffer, dtype, 1, false);
        self.field(Field::Offset(name, 0), false, offset as u32);
        self.parts.push(Part::Store { name, binding, at: None });
    }

    /// `store_<name>(i, v)` or `store_<name>(o, r, v)` into a strided region.
    pub fn output_view(&mut self, name: &'static str, buffer: &Buffer, dtype: DType, view: &View, index: Index) {
        self.key.push(b'V');
        let binding = self.bind(buffer, dtype, 1, false);
        let leaf = Leaf { buffer: buffer.clone(), offset: view.offset, strides: view.strides.clone(), dtype };
        let mut at = self.address_bound(name, &view.shape, std::slice::from_ref(&leaf), index);
        at.bindings.push(binding);
        self.parts.push(Part::Store { name, binding, at: Some(at) });
    }

    /// `read_<name>(i) -> T` and, where it is written, `write_<name>(i, v)`: plain memory.
    pub fn memory(&mut self, name: &'static str, buffer: &Buffer, dtype: DType, read_only: bool) {
        self.key.push(b'M');
        let binding = self.bind(buffer, dtype, 1, read_only);
        self.key.push(u8::from(read_only));
        self.parts.push(Part::Memory { name, binding });
    }

    /// `put_<name>(i, v: i32)` and `get_<name>(i) -> i32` on integer memory from element `offset` on, whatever the kernel
    /// computes in.
    pub fn integers(&mut self, name: &'static str, buffer: &Buffer, offset: usize, read_only: bool) {
        self.key.push(b'I');
        let binding = self.bind(buffer, DType::I32, 1, read_only);
        self.key.push(u8::from(read_only));
        self.field(Field::Offset(name, 0), false, offset as u32);
        self.parts.push(Part::Integers { name, binding });
    }

    /// `fault(index, position, low, high)`: notes an index that was out of range; nothing where all are `known` to be in
    /// range, which spares the program from looking.
    pub fn fault(&mut self, operator: &'static str, known: bool) {
        self.key.push(b'F');
        if known {
            self.key.push(0);
            self.parts.push(Part::Fault { binding: None });
            return;
        }
        let (record, number) = self.gpu.fault_binding(operator);
        let binding = self.bind(&record, DType::U32, 0, false);
        self.field(Field::Named("operator_number"), false, number);
        self.parts.push(Part::Fault { binding: Some(binding) });
    }

    /// `op(i)`, which computes a whole plan for elements `i .. i + LANES`.
    pub fn map(&mut self, plan: &'a Plan) {
        self.lanes = if vectorises(plan) { 4 } else { 1 };
        self.key.push(b'E');
        self.key.push(self.lanes);
        let lanes = self.lanes;
        let mut outputs = Vec::with_capacity(plan.outputs.len());
        for (k, output) in plan.outputs.iter().enumerate() {
            outputs.push(self.bind(&output.buffer, output.storage.dtype, lanes, false));
            self.field(Field::Offset("y", k as u8), false, output.offset as u32);
        }
        let at = self.address_lanes("x", &plan.shape, &plan.leaves, Index::Flat, lanes);
        let sources: SmallVec<[Source; 4]> = plan.outputs.iter().map(|o| o.source).collect();
        self.nodes("x", &plan.nodes, &sources);
        self.parts.push(Part::Map { plan, at, outputs, lanes });
    }

    /// `store(i, v)` or `store(o, r, v)`: applies a plan to the kernel's own result and stores its outputs.
    ///
    /// With [`Index::Split`] positions are `o * columns + r`, and the family declares the parameter `columns`.
    pub fn epilogue(&mut self, plan: &'a Plan, index: Index) {
        self.key.push(b'P');
        let mut outputs = Vec::with_capacity(plan.outputs.len());
        for (k, output) in plan.outputs.iter().enumerate() {
            outputs.push(self.bind(&output.buffer, output.storage.dtype, 1, false));
            self.field(Field::Offset("y", k as u8), false, output.offset as u32);
        }
        let at = self.address("e", &plan.shape, &plan.leaves, index);
        let sources: SmallVec<[Source; 4]> = plan.outputs.iter().map(|o| o.source).collect();
        self.nodes("e", &plan.nodes, &sources);
        self.parts.push(Part::Epilogue { plan, at, outputs, split: index != Index::Flat });
    }

    fn address(&mut self, name: &'static str, shape: &[usize], leaves: &[Leaf], index: Index) -> Addressing {
        self.address_lanes(name, shape, leaves, index, 1)
    }

    fn address_lanes(
        &mut self,
        name: &'static str,
        shape: &[usize],
        leaves: &[Leaf],
        index: Index,
        lanes: u8,
    ) -> Addressing {
        let mut at = self.address_bound(name, shape, leaves, index);
        for (l, leaf) in leaves.iter().enumerate() {
            // A leaf that repeats along the last axis is read one element at a time and splat.
            let splat = at.groups.last().is_none_or(|g| g.rank == 0 || g.steps[l].last() == Some(&Step::Zero));
            let binding = self.bind(&leaf.buffer, leaf.dtype, if splat { 1 } else { lanes }, true);
            at.bindings.push(binding);
        }
        at
    }

    /// Merges axes and lays down the parameters; bindings are added by the caller.
    fn address_bound(&mut self, name: &'static str, shape: &[usize], leaves: &[Leaf], index: Index) -> Addressing {
        let cuts: SmallVec<[std::ops::Range<usize>; 2]> = match index {
            Index::Flat => smallvec::smallvec![0..shape.len()],
            Index::Split(k) => SmallVec::from_iter([0..k, k..shape.len()]),
        };
        let mut groups = Vec::with_capacity(2);
        for (g, range) in cuts.iter().enumerate() {
            let strides: SmallVec<[&[isize]; 8]> = leaves.iter().map(|l| &l.strides[range.clone()]).collect();
            let (dims, strides) = collapse(&shape[range.clone()], &strides);
            self.key.push(dims.len() as u8);
            for (d, &n) in dims.iter().enumerate().skip(1) {
                self.field(Field::Dim(name, g as u8, d as u8), false, n as u32);
            }
            let mut steps = Vec::with_capacity(leaves.len());
            for (l, s) in strides.iter().enumerate() {
                let mut of_leaf = SmallVec::new();
                for (d, &stride) in s.iter().enumerate() {
                    let step = Step::of(stride);
                    self.key.push(step as u8);
                    if step == Step::Parameter {
                        self.field(Field::Stride(name, l as u8, g as u8, d as u8), false, stride as i32 as u32);
                    }
                    of_leaf.push(step);
                }
                steps.push(of_leaf);
            }
            groups.push(Group { rank: dims.len(), steps });
        }
        for (l, leaf) in leaves.iter().enumerate() {
            self.field(Field::Offset(name, l as u8), false, leaf.offset as u32);
        }
        Addressing { groups, bindings: vec![] }
    }

    /// Lays down the scalars of nodes, and their structure in the key.
    fn nodes(&mut self, name: &'static str, nodes: &[Node], sources: &[Source]) {
        let source = |key: &mut Vec<u8>, s: &Source| match *s {
            Source::Leaf(l) => key.extend_from_slice(&[0, l as u8]),
            Source::Node(n) => key.extend_from_slice(&[1, n as u8]),
            Source::Kernel => key.push(2),
        };
        for (n, node) in nodes.iter().enumerate() {
            self.key.extend_from_slice(node.op.name.as_bytes());
            self.key.push(b'(');
            for arg in &node.args {
                source(&mut self.key, arg);
            }
            for (k, scalar) in node.scalars.iter().enumerate() {
                let (float, word) = match *scalar {
                    Scalar::F(v) => (true, (v as f32).to_bits()),
                    Scalar::U(v) => (false, v),
                };
                self.key.push(u8::from(float));
                self.field(Field::Scalar(name, n as u8, k as u8), float, word);
            }
        }
        self.key.push(b';');
        for s in sources {
            source(&mut self.key, s);
        }
    }

    /// Launches one thread for every `LANES` of `n` elements; the parameter is `p.n`.
    pub fn launch_elements(mut self, n: usize) {
        self.word("n", n);
        let groups = n.div_ceil(WORKGROUP * self.lanes as usize);
        self.launch(fold(groups));
    }

    /// Launches workgroups.
    pub fn launch(mut self, groups: [u32; 3]) {
        // Whether a binding is written can change after it was bound: it belongs to the key as it ended.
        self.key.push(b'|');
        for b in &self.bound {
            self.key.push(u8::from(b.read_only));
        }
        let bindings: SmallVec<[Binding<'_>; 8]> =
            self.bound.iter().map(|b| Binding { buffer: &b.buffer, read_only: b.read_only }).collect();
        self.gpu.launch(&Launch {
            name: self.name,
            key: &self.key,
            bindings: &bindings,
            params: &self.words,
            groups,
            source: &|space| self.text(space),
        });
    }

    fn text(&self, space: ParamSpace) -> String {
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
        let mut files: Vec<Wgsl> = self.files.to_vec();
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
            Part::Integers { name, binding } => {
                w(format_args!("fn get_{name}(i: u32) -> i32 {{ return b{binding}[p.{name}_at0 + i]; }}\n"));
                if !self.bound[*binding].read_only {
                    w(format_args!("fn put_{name}(i: u32, v: i32) {{ b{binding}[p.{name}_at0 + i] = v; }}\n"));
                }
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
            Part::Load { name, plan, source, at } => {
                let args: &[&str] = if at.groups.len() == 2 { &["o", "r"] } else { &["i"] };
                let flat = if at.groups.len() == 2 { "0u" } else { "i" };
                let list: Vec<String> = args.iter().map(|a| format!("{a}: u32")).collect();
                w(format_args!("fn load_{name}({}) -> T {{\n", list.join(", ")));
                let value = self.body(t, name, plan, at, args, flat, 1);
                let _ = writeln!(t, "    return {};\n}}", value(*source));
            }
            Part::Map { plan, at, outputs, lanes } => {
                w(format_args!("const LANES: u32 = {lanes}u;\nfn op(i: u32) {{\n"));
                let value = self.body(t, "x", plan, at, &["i"], "i", *lanes);
                let unit = if *lanes == 4 { " / 4u" } else { "" };
                for (k, (output, binding)) in plan.outputs.iter().zip(outputs).enumerate() {
                    let v = stored_lanes(output.storage.dtype, self.compute, &value(output.source), *lanes);
                    let _ = writeln!(t, "    b{binding}[(p.y_at{k} + i){unit}] = {v};");
                }
                t.push_str("}\n");
            }
            Part::Epilogue { plan, at, outputs, split } => {
                let args: &[&str] = if *split { &["o", "r"] } else { &["i"] };
                let list: Vec<String> = args.iter().map(|a| format!("{a}: u32")).collect();
                w(format_args!("fn store({}, v: T) {{\n", list.join(", ")));
                if *split {
                    t.push_str("    let i = o * p.columns + r;\n");
                }
                let value = self.body(t, "e", plan, at, args, "i", 1);
                for (k, (output, binding)) in plan.outputs.iter().zip(outputs).enumerate() {
                    let v = stored(output.storage.dtype, self.compute, &value(output.source));
                    let _ = writeln!(t, "    b{binding}[p.y_at{k} + i] = {v};");
                }
                t.push_str("}\n");
            }
        }
    }

    /// Writes the coordinates that operand `l` needs and returns its position.
    fn position(&self, t: &mut String, name: &str, at: &Addressing, l: usize, args: &[&str]) -> String {
        self.coordinates(t, name, at, args);
        self.sum(name, at, l)
    }

    fn coordinates(&self, t: &mut String, name: &str, at: &Addressing, args: &[&str]) {
        for (g, (group, arg)) in at.groups.iter().zip(args).enumerate() {
            match group.rank {
                0 => {}
                1 => {
                    let _ = writeln!(t, "    let c{g}_0 = {arg};");
                }
                rank => {
                    let mut rest = (*arg).to_string();
                    for d in (1..rank).rev() {
                        let _ = writeln!(t, "    let c{g}_{d} = {rest} % p.{name}_dim{g}_{d};");
                        let _ = writeln!(t, "    let q{g}_{d} = {rest} / p.{name}_dim{g}_{d};");
                        rest = format!("q{g}_{d}");
                    }
                    let _ = writeln!(t, "    let c{g}_0 = {rest};");
                }
            }
        }
    }

    fn sum(&self, name: &str, at: &Addressing, l: usize) -> String {
        let mut s = format!("p.{name}_at{l}");
        for (g, group) in at.groups.iter().enumerate() {
            for (d, step) in group.steps[l].iter().enumerate() {
                match step {
                    Step::Zero => {}
                    Step::One => {
                        let _ = write!(s, " + c{g}_{d}");
                    }
                    Step::Parameter => {
                        let _ = write!(s, " + c{g}_{d} * p.{name}_step{l}_{g}_{d}");
                    }
                }
            }
        }
        s
    }

    /// `T(b<k>[i])`, or the vector of them.
    fn convert(&self, binding: usize, i: &str, lanes: u8) -> String {
        let b = &self.bound[binding];
        let same = element(b.dtype) == element(self.compute);
        match (b.lanes, lanes, same) {
            (1, 1, true) => format!("b{binding}[{i}]"),
            (1, 1, false) => format!("T(b{binding}[{i}])"),
            (1, _, _) => format!("vec4<T>(T(b{binding}[{i}]))"),
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
                .map(|(k, s)| match s {
                    Scalar::F(_) => format!("T(p.{name}_c{n}_{k})"),
                    Scalar::U(_) => format!("p.{name}_c{n}_{k}"),
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

/// Whether four neighbours can be read and written at once.
fn vectorises(plan: &Plan) -> bool {
    let strides: SmallVec<[&[isize]; 8]> = plan.leaves.iter().map(|l| &l.strides[..]).collect();
    let (dims, strides) = collapse(&plan.shape, &strides);
    if plan.outputs.iter().any(|o| o.offset % 4 != 0) {
        return false;
    }
    // A single element is read as such: as a vector, its leaf would be splat and its output not.
    let Some(&inner) = dims.last() else { return false };
    // Past the end of a row-major whole there is the padding of its size class; past the end of a row there is the next.
    if dims.len() > 1 && inner % 4 != 0 {
        return false;
    }
    plan.leaves.iter().zip(&strides).all(|(leaf, s)| match s[s.len() - 1] {
        0 => true,
        1 => {
            leaf.offset % 4 == 0
                && s[..s.len() - 1].iter().all(|t| t % 4 == 0)
                && (dims.len() > 1 || leaf_padded(leaf, inner))
        }
        _ => false,
    }) && plan.leaves.iter().all(|leaf| {
        // One buffer under two element types would be two bindings, one of them written.
        let written = plan.outputs.iter().any(|o| o.buffer.id() == leaf.buffer.id());
        !written || plan.leaves.iter().filter(|l| l.buffer.id() == leaf.buffer.id()).count() == 1
    })
}

/// Whether a leaf's memory goes on to a multiple of four elements.
fn leaf_padded(leaf: &Leaf, n: usize) -> bool {
    let width = if leaf.dtype == DType::F16 { 2 } else { 4 };
    ((leaf.offset + n.next_multiple_of(4)) * width) as u64 <= leaf.buffer.capacity()
}

/// Spreads a number of workgroups over two dimensions where it exceeds one.
pub(crate) fn fold(groups: usize) -> [u32; 3] {
    const MOST: usize = 65_535;
    if groups <= MOST {
        [groups as u32, 1, 1]
    } else {
        let y = groups.div_ceil(MOST);
        [groups.div_ceil(y) as u32, y as u32, 1]
    }
}
