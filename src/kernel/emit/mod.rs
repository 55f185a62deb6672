//! Kernels for a GPU, put together from WGSL files and generated accessors.
//!
//! A family's file says how threads share the work; it reads with `load_x(..)` and writes with `store_y(..)`. Those
//! accessors, the bindings, the parameter struct and the constants are generated here, from plans: they find elements in
//! strided memory, convert them, and apply pending operators. The text depends on structure alone (operators, dtypes,
//! which strides are 0 or 1): sizes, strides and offsets travel as parameters.

mod address;
mod in_turn;
mod text;

use super::{fuse::Prologue, split::Within};
use crate::{
    device::{
        Buffer, Gpu,
        gpu::{Binding, Launch},
    },
    shape::{DType, View},
    tensor::{
        Scalar, Wgsl,
        expr::{Leaf, Node, Plan, Source},
        wgsl,
    },
};
pub(in crate::kernel) use address::epilogue_vectorises;
use address::{Addressing, Field, elements, reach, vectorises};
pub(in crate::kernel) use in_turn::MOST_IN_TURN;
use smallvec::SmallVec;
use std::{ops::Range, sync::Arc};

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
struct Bound {
    buffer: Buffer,
    dtype: DType,
    lanes: u8,
    read_only: bool,
    /// The bytes of the buffer that the kernel is shown.
    window: Range<u64>,
}

enum Part<'a> {
    /// `fours`: how many elements are read at once where rows are also read by four.
    Load {
        name: &'static str,
        plan: &'a Plan,
        source: Source,
        at: Addressing,
        fours: Option<u8>,
    },
    Store {
        name: &'static str,
        binding: usize,
        at: Option<Addressing>,
    },
    StoreFours {
        name: &'static str,
        binding: usize,
    },
    Map {
        plan: &'a Plan,
        at: Addressing,
        outputs: Vec<usize>,
        lanes: u8,
        cell: bool,
    },
    /// `fours`: how many elements are stored at once where four neighbours are.
    Epilogue {
        plan: &'a Plan,
        at: Addressing,
        outputs: Vec<usize>,
        split: bool,
        fours: Option<u8>,
    },
    Constant {
        name: &'static str,
        value: u32,
    },
    Fault {
        binding: Option<usize>,
    },
    Integers {
        name: &'static str,
        binding: usize,
        lanes: u8,
    },
    Put {
        name: &'static str,
        binding: usize,
        at: Addressing,
    },
    Memory {
        name: &'static str,
        binding: usize,
    },
    Matrix {
        name: &'static str,
        at: Addressing,
    },
    InTurn {
        parts: usize,
    },
}

/// A kernel being put together.
pub(crate) struct Kernel<'a> {
    name: &'static str,
    gpu: &'a Arc<Gpu>,
    compute: DType,
    files: &'a [Wgsl],
    share: Option<Wgsl>,
    parts: Vec<Part<'a>>,
    bound: Vec<Bound>,
    fields: SmallVec<[(Field, bool); 32]>,
    words: SmallVec<[u32; 32]>,
    /// Words that are positions in a binding: which word, which binding, the element of the buffer.
    positions: SmallVec<[(u16, Option<u8>, usize); 12]>,
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
        for file in files {
            key.extend_from_slice(file.path.as_bytes());
        }
        Kernel {
            name,
            gpu,
            compute,
            files,
            share: None,
            parts: vec![],
            bound: vec![],
            fields: SmallVec::new(),
            words: SmallVec::new(),
            positions: SmallVec::new(),
            key,
            lanes: 1,
        }
    }

    /// A kernel of the folder `rows`, whose workgroups share rows in the way that the adapter has for it.
    pub fn over_rows(name: &'static str, gpu: &'a Arc<Gpu>, compute: DType, files: &'a [Wgsl]) -> Kernel<'a> {
        let mut kernel = Kernel::new(name, gpu, compute, files);
        let subgroups = gpu.has_subgroups();
        kernel.share = Some(if subgroups { wgsl!("rows/share_subgroups.wgsl") } else { wgsl!("rows/share.wgsl") });
        kernel.key.push(u8::from(subgroups));
        kernel
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

    /// A parameter that is the position of an element in a binding, or among all elements.
    fn position_word(&mut self, field: Field, binding: Option<usize>, element: usize) {
        self.positions.push((self.fields.len() as u16, binding.map(|b| b as u8), element));
        self.field(field, false, 0);
    }

    /// The number of a buffer's binding: one for each buffer, read-write if anything writes it.
    ///
    /// Of a buffer larger than a binding may be, it shows what lies around the elements `reach`; then there can be
    /// several for one buffer.
    fn bind(&mut self, buffer: &Buffer, dtype: DType, lanes: u8, read_only: bool, reach: Range<usize>) -> usize {
        let id = buffer.id();
        let window = self.window(buffer, dtype, reach);
        let joined = |b: &Bound| window.start.min(b.window.start)..window.end.max(b.window.end);
        let same = |b: &Bound| {
            let span = joined(b);
            b.buffer.id() == id
                && b.dtype == dtype
                && b.lanes == lanes
                && span.end - span.start <= self.gpu.max_binding()
        };
        let at = match self.bound.iter().position(same) {
            Some(at) => {
                self.bound[at].window = joined(&self.bound[at]);
                self.bound[at].read_only &= read_only;
                at
            }
            None => {
                self.bound.push(Bound { buffer: buffer.clone(), dtype, lanes, read_only, window });
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
        let at = self.address(name, plan, &[], index, 1, None);
        self.nodes(name, &plan.nodes, &[prologue.source]);
        self.parts.push(Part::Load { name, plan, source: prologue.source, at, fours: None });
    }

    /// As [`Kernel::input`] for positions `(o, r)` over the first `lead` axes and the others, and
    /// `load4_<name>(o, r) -> vec4<T>`, four neighbours of a row from a multiple of four on; in one load where memory allows.
    pub(in crate::kernel) fn rows(&mut self, name: &'static str, prologue: &'a Prologue, lead: usize) {
        self.key.push(b'R');
        let plan = &prologue.plan;
        let lanes = if address::rows_vectorise(plan, lead) { 4 } else { 1 };
        self.key.push(lanes);
        let at = self.address(name, plan, &[], Index::Split(lead), lanes, None);
        self.nodes(name, &plan.nodes, &[prologue.source]);
        self.parts.push(Part::Load { name, plan, source: prologue.source, at, fours: Some(lanes) });
    }

    /// `base_<name>(o)`, where the rows of a strided array begin, counted over its first `lead` axes, and
    /// `load_<name>(base, r) -> T` of the position over the rest; with `vectors` also `load4_<name>(base, r)`, which reads
    /// four neighbours in memory, the first of them at a multiple of four.
    pub(in crate::kernel) fn matrix(
        &mut self,
        name: &'static str,
        leaf: &Leaf,
        shape: &[usize],
        lead: usize,
        vectors: bool,
    ) {
        self.key.push(b'X');
        self.key.push(u8::from(vectors));
        let lanes = if vectors { 4 } else { 1 };
        let mut reach = reach(shape, &leaf.strides, leaf.offset);
        reach.end = reach.end.next_multiple_of(lanes as usize);
        let binding = self.bind(&leaf.buffer, leaf.dtype, lanes, true, reach);
        let mut at = self.steps(name, shape, &[&leaf.strides], Index::Split(lead));
        self.position_word(Field::Offset(name, 0), Some(binding), leaf.offset);
        at.bindings.push(binding);
        self.parts.push(Part::Matrix { name, at });
    }

    /// `store_<name>(i, v)` into row-major memory from element `offset` on; `store(i, v)` for an empty name.
    pub fn output(&mut self, name: &'static str, buffer: &Buffer, dtype: DType, offset: usize) {
        self.key.push(b'S');
        let binding = self.bind(buffer, dtype, 1, false, offset..elements(buffer, dtype));
        self.position_word(Field::Offset(name, 0), Some(binding), offset);
        self.parts.push(Part::Store { name, binding, at: None });
    }

    /// `store_<name>(i, v)` or `store_<name>(o, r, v)` into a strided region.
    pub fn output_view(&mut self, name: &'static str, buffer: &Buffer, dtype: DType, view: &View, index: Index) {
        self.key.push(b'V');
        let binding = self.bind(buffer, dtype, 1, false, reach(&view.shape, &view.strides, view.offset));
        let mut at = self.steps(name, &view.shape, &[&view.strides], index);
        self.position_word(Field::Offset(name, 0), Some(binding), view.offset);
        at.bindings.push(binding);
        self.parts.push(Part::Store { name, binding, at: Some(at) });
    }

    /// `read_<name>(i) -> T` and, where it is written, `write_<name>(i, v)`: plain memory.
    pub fn memory(&mut self, name: &'static str, buffer: &Buffer, dtype: DType, read_only: bool) {
        self.key.push(b'M');
        let binding = self.bind(buffer, dtype, 1, read_only, 0..elements(buffer, dtype));
        self.key.push(u8::from(read_only));
        self.parts.push(Part::Memory { name, binding });
    }

    /// `put_<name>(i, v: i32)` and `get_<name>(i) -> i32` on integer memory from element `offset` on, whatever the kernel
    /// computes in.
    pub fn integers(&mut self, name: &'static str, buffer: &Buffer, offset: usize, read_only: bool) {
        self.bind_integers(name, buffer, offset, read_only, 1);
    }

    /// As [`Kernel::integers`] from a multiple of four on, by `put4_<name>(i, v: vec4<i32>)` and `get4_<name>(i)`: four
    /// neighbours from such an element on.
    pub fn integer_fours(&mut self, name: &'static str, buffer: &Buffer, offset: usize, read_only: bool) {
        self.bind_integers(name, buffer, offset, read_only, 4);
    }

    fn bind_integers(&mut self, name: &'static str, buffer: &Buffer, offset: usize, read_only: bool, lanes: u8) {
        self.key.push(b'I');
        let binding = self.bind(buffer, DType::I32, lanes, read_only, offset..elements(buffer, DType::I32));
        self.key.push(u8::from(read_only));
        self.position_word(Field::Offset(name, 0), Some(binding), offset);
        self.parts.push(Part::Integers { name, binding, lanes });
    }

    /// `put_<name>(i, v: i32)` into a strided region of integer memory.
    pub fn integers_view(&mut self, name: &'static str, buffer: &Buffer, view: &View) {
        self.key.push(b'J');
        let binding = self.bind(buffer, DType::I32, 1, false, reach(&view.shape, &view.strides, view.offset));
        let mut at = self.steps(name, &view.shape, &[&view.strides], Index::Flat);
        self.position_word(Field::Offset(name, 0), Some(binding), view.offset);
        at.bindings.push(binding);
        self.parts.push(Part::Put { name, binding, at });
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
        let binding = self.bind(&record, DType::U32, 0, false, 0..0);
        self.field(Field::Named("operator_number"), false, number);
        self.parts.push(Part::Fault { binding: Some(binding) });
    }

    /// `op(i)`, which computes a plan for elements `i .. i + LANES`; where the plan is a cell, positions are those in the
    /// whole.
    pub(in crate::kernel) fn map(&mut self, plan: &'a Plan, within: Option<&Within>) {
        self.lanes = if within.is_none() && vectorises(plan) { 4 } else { 1 };
        self.key.push(b'E');
        self.key.push(self.lanes);
        let lanes = self.lanes;
        let outputs = self.outputs(plan, lanes);
        let at = self.address("x", plan, &outputs, Index::Flat, lanes, within);
        let sources: SmallVec<[Source; 4]> = plan.outputs.iter().map(|o| o.source).collect();
        self.nodes("x", &plan.nodes, &sources);
        self.parts.push(Part::Map { plan, at, outputs, lanes, cell: within.is_some() });
    }

    /// `store(i, v)` or `store(o, r, v)`: applies a plan to the kernel's own result and stores its outputs.
    ///
    /// With [`Index::Split`] positions are `o * columns + r`, and the family declares the parameter `columns`.
    pub fn epilogue(&mut self, plan: &'a Plan, index: Index) {
        self.epilogue_of(plan, index, None);
    }

    /// As [`Kernel::epilogue`], as `store4(i, v: vec4<T>)` or `store4(o, r, v: vec4<T>)`: four neighbours from a multiple of
    /// four on. By row-major position in one store where memory allows; by rows only where [`epilogue_vectorises`].
    pub fn epilogue_fours(&mut self, plan: &'a Plan, index: Index) {
        let lanes = if index == Index::Flat && !vectorises(plan) { 1 } else { 4 };
        self.epilogue_of(plan, index, Some(lanes));
    }

    /// How many operators its results go through before they are stored.
    pub(in crate::kernel) fn follows(&self) -> usize {
        let of = |part: &Part<'_>| if let Part::Epilogue { plan, .. } = part { plan.nodes.len() } else { 0 };
        self.parts.iter().map(of).sum()
    }

    fn epilogue_of(&mut self, plan: &'a Plan, index: Index, fours: Option<u8>) {
        self.key.extend_from_slice(&[b'P', fours.unwrap_or(0)]);
        let lanes = fours.unwrap_or(1);
        let outputs = self.outputs(plan, lanes);
        let at = self.address("e", plan, &outputs, index, lanes, None);
        let sources: SmallVec<[Source; 4]> = plan.outputs.iter().map(|o| o.source).collect();
        self.nodes("e", &plan.nodes, &sources);
        self.parts.push(Part::Epilogue { plan, at, outputs, split: index != Index::Flat, fours });
    }

    /// `store4_<name>(i, v: vec4<T>)` into row-major memory that begins with the buffer, at multiples of four.
    pub fn output_fours(&mut self, name: &'static str, buffer: &Buffer, dtype: DType) {
        self.key.push(b'W');
        let binding = self.bind(buffer, dtype, 4, false, 0..elements(buffer, dtype));
        self.position_word(Field::Offset(name, 0), Some(binding), 0);
        self.parts.push(Part::StoreFours { name, binding });
    }

    /// Binds the outputs of a plan.
    fn outputs(&mut self, plan: &Plan, lanes: u8) -> Vec<usize> {
        let mut bindings = Vec::with_capacity(plan.outputs.len());
        for (k, output) in plan.outputs.iter().enumerate() {
            let (buffer, dtype) = (&output.buffer, output.storage.dtype);
            let reach = match &output.region {
                Some(region) => reach(&plan.shape, &region.strides, region.offset),
                None => output.offset..(output.offset + plan.shape.size()).next_multiple_of(lanes as usize),
            };
            let binding = self.bind(buffer, dtype, lanes, false, reach);
            if output.region.is_none() {
                self.position_word(Field::Offset("y", k as u8), Some(binding), output.offset);
            }
            bindings.push(binding);
        }
        bindings
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
                self.key.push(u8::from(matches!(scalar, Scalar::F(_))));
                let (float, word) = match (*scalar, self.compute) {
                    (Scalar::F(v), DType::I32) => (false, v as i32 as u32),
                    (Scalar::F(v), DType::U32) => (false, v as u32),
                    (Scalar::F(v), _) => (true, (v as f32).to_bits()),
                    (Scalar::U(v), _) => (false, v),
                };
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
        if let Err(error) = self.place() {
            return self.gpu.fail(error);
        }
        // Whether a binding is written can change after it was bound: it belongs to the key as it ended.
        self.key.push(b'|');
        for b in &self.bound {
            self.key.push(u8::from(b.read_only));
        }
        let bindings: SmallVec<[Binding<'_>; 8]> = self
            .bound
            .iter()
            .map(|b| Binding { buffer: &b.buffer, read_only: b.read_only, window: b.window.clone() })
            .collect();
        self.gpu.launch(&Launch {
            name: self.name,
            key: &self.key,
            bindings: &bindings,
            params: &self.words,
            groups,
            source: &|space| self.text(space),
        });
    }
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
