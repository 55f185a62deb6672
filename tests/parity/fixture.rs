//! Reference values: the index, the arrays, and a case's inputs on a device.

use catena::{
    autograd::Variable,
    device::Device,
    serializers::NpzReader,
    tensor::{HostArray, Tensor},
};
use ndarray::ArrayD;
use serde_json::Value;
use std::{
    collections::HashMap,
    fs,
    ops::Index,
    path::{Path, PathBuf},
    rc::Rc,
};

/// All reference values.
pub struct Library {
    parts: Vec<(PathBuf, Value)>,
}

impl Library {
    pub fn open() -> Library {
        let folders = match std::env::var_os("CATENA_PARITY_DIR") {
            Some(folder) => vec![PathBuf::from(folder)],
            None => {
                let here = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/parity");
                vec![here.join("data"), here.join("further")]
            }
        };
        let part = |folder: PathBuf| {
            let path = folder.join("index.json");
            let text = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
            let index = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
            (folder, index)
        };
        Library { parts: folders.into_iter().map(part).collect() }
    }

    /// Every case of the index.
    pub fn cases(&self) -> Vec<Case> {
        self.parts.iter().flat_map(|(folder, index)| Library::part(folder, index)).collect()
    }

    fn part(folder: &Path, index: &Value) -> Vec<Case> {
        let mut files: HashMap<String, Rc<NpzReader>> = HashMap::new();
        let list = index["cases"].as_array().expect("the index lists cases");
        list.iter()
            .map(|entry| {
                let text = |key: &str| entry[key].as_str().unwrap_or_default().to_string();
                let file = files.entry(text("file")).or_insert_with_key(|name| {
                    Rc::new(NpzReader::open(folder.join(name)).unwrap_or_else(|e| panic!("{e}")))
                });
                Case {
                    name: text("name"),
                    group: text("group"),
                    op: text("op"),
                    member: text("case"),
                    entry: entry.clone(),
                    file: file.clone(),
                }
            })
            .collect()
    }
}

/// How far a value may be off: `atol + rtol * |expected|`.
#[derive(Debug, Clone, Copy)]
pub struct Tolerance {
    pub rtol: f64,
    pub atol: f64,
}

/// One case of the index.
pub struct Case {
    /// `group/case`.
    pub name: String,
    pub group: String,
    /// The operator, as Chainer names it.
    pub op: String,
    /// The entry of the index.
    pub entry: Value,
    member: String,
    file: Rc<NpzReader>,
}

#[allow(dead_code, reason = "each group's file uses what its operators need")]
impl Case {
    /// Whether it is a call with upstream gradients, rather than a run of several steps.
    pub fn is_call(&self) -> bool {
        !self.outputs().is_empty() && !self.entry["inputs"].as_array().is_none_or(Vec::is_empty)
    }

    /// The names in a list of the entry: `grads`, `double_grads`, `grad_outputs`.
    pub fn names(&self, key: &str) -> Vec<&str> {
        self.entry[key].as_array().map(|l| l.iter().filter_map(Value::as_str).collect()).unwrap_or_default()
    }

    /// The outputs' names.
    pub fn outputs(&self) -> Vec<&str> {
        let list = self.entry["outputs"].as_array();
        list.map(|l| l.iter().filter_map(|o| o["name"].as_str()).collect()).unwrap_or_default()
    }

    /// An array of the case, by its path below it: `out/y`.
    pub fn array(&self, path: &str) -> Option<HostArray> {
        self.shared(&format!("{}/{path}", self.member))
    }

    /// An array of the case's file.
    pub fn shared(&self, path: &str) -> Option<HostArray> {
        let value = self.file.contains(path).then(|| self.file.get(path).unwrap_or_else(|e| panic!("{e}")));
        value.map(|v| v.into_array().unwrap_or_else(|| panic!("{path} is no array")))
    }

    /// As [`Case::array`], as `f64`.
    pub fn values(&self, path: &str) -> Option<ArrayD<f64>> {
        self.array(path).map(|a| a.to_f64())
    }

    /// As [`Case::array`], on a device.
    pub fn tensor(&self, path: &str, device: &Device) -> Option<Tensor> {
        self.array(path).map(|a| Tensor::from_host(a, device).unwrap_or_else(|e| panic!("{e}")))
    }

    /// The tolerance of `fwd`, `bwd` or `dd` on a device.
    pub fn tolerance(&self, kind: &str, device: &Device) -> Tolerance {
        let of = |key: &str| Some(&self.entry[key][kind]).filter(|t| t.is_object());
        let gpu = if device.is_cpu() { None } else { of("tol_gpu") };
        let t = gpu.or_else(|| of("tol")).unwrap_or_else(|| panic!("{}: no tolerance for {kind}", self.name));
        let number = |key: &str| t[key].as_f64().expect("a number");
        Tolerance { rtol: number("rtol"), atol: number("atol") }
    }

    /// An attribute; null where there is none.
    pub fn attr(&self, name: &str) -> &Value {
        &self.entry["attrs"][name]
    }

    /// Whether the call has an attribute, null or not.
    pub fn has(&self, name: &str) -> bool {
        self.entry["attrs"].get(name).is_some()
    }

    /// A number, or what the call does without it.
    pub fn f64_or(&self, name: &str, default: f64) -> f64 {
        self.attr(name).as_f64().unwrap_or(default)
    }

    /// As [`Case::f64_or`], for integers: axes.
    pub fn int_or(&self, name: &str, default: isize) -> isize {
        self.attr(name).as_i64().map_or(default, |v| v as isize)
    }

    /// As [`Case::f64_or`], for switches.
    pub fn flag_or(&self, name: &str, default: bool) -> bool {
        let v = self.attr(name);
        v.as_bool().or(v.as_i64().map(|v| v != 0)).unwrap_or(default)
    }

    pub fn f64(&self, name: &str) -> f64 {
        self.attr(name).as_f64().unwrap_or_else(|| panic!("{}: no number {name}", self.name))
    }

    pub fn int(&self, name: &str) -> isize {
        self.attr(name).as_i64().unwrap_or_else(|| panic!("{}: no integer {name}", self.name)) as isize
    }

    pub fn flag(&self, name: &str) -> bool {
        self.attr(name).as_bool().unwrap_or_else(|| panic!("{}: no flag {name}", self.name))
    }

    pub fn text(&self, name: &str) -> &str {
        self.attr(name).as_str().unwrap_or_else(|| panic!("{}: no text {name}", self.name))
    }

    /// Integers from one or a list; `None` for null: axes, shapes, strides.
    pub fn ints(&self, name: &str) -> Option<Vec<isize>> {
        let int = |v: &Value| v.as_i64().unwrap_or_else(|| panic!("{}: no integers {name}", self.name)) as isize;
        match self.attr(name) {
            Value::Null => None,
            Value::Array(list) => Some(list.iter().map(int).collect()),
            one => Some(vec![int(one)]),
        }
    }

    /// As [`Case::ints`], for lengths.
    pub fn sizes(&self, name: &str) -> Option<Vec<usize>> {
        self.ints(name).map(|l| l.into_iter().map(|i| i as usize).collect())
    }

    /// The inputs on a device.
    pub fn inputs(&self, device: &Device) -> Inputs {
        let list = self.entry["inputs"].as_array().expect("a list of inputs");
        let one = |input: &Value| {
            let name = input["name"].as_str().expect("a name").to_string();
            let data = self.tensor(&format!("in/{name}"), device).expect("inputs are stored");
            let diff = input["diff"].as_bool().unwrap_or(false);
            (name, if diff { Variable::new(data) } else { Variable::constant(data) })
        };
        Inputs { list: list.iter().map(one).collect() }
    }
}

/// A case's inputs by name.
pub struct Inputs {
    list: Vec<(String, Variable)>,
}

#[allow(dead_code, reason = "each group's file uses what its operators need")]
impl Inputs {
    pub fn get(&self, name: &str) -> Option<&Variable> {
        self.list.iter().find(|(n, _)| n == name).map(|(_, v)| v)
    }

    /// `<prefix>0`, `<prefix>1`, .. as far as they go.
    pub fn list(&self, prefix: &str) -> Vec<Variable> {
        (0..).map_while(|i| self.get(&format!("{prefix}{i}")).cloned()).collect()
    }

    /// The input of a function that has one.
    pub fn only(&self) -> &Variable {
        self.get("x").unwrap_or_else(|| &self.list.first().expect("an input").1)
    }

    /// The first and the second of the inputs that are not integers.
    pub fn two(&self) -> (&Variable, &Variable) {
        let mut list = self.list.iter().map(|(_, v)| v);
        match (list.next(), list.next()) {
            (Some(a), Some(b)) => (a, b),
            _ => panic!("the case has no two inputs"),
        }
    }

    /// All of them in the order of the index.
    pub fn all(&self) -> Vec<Variable> {
        self.list.iter().map(|(_, v)| v.clone()).collect()
    }
}

impl Index<&str> for Inputs {
    type Output = Variable;
    fn index(&self, name: &str) -> &Variable {
        self.get(name).unwrap_or_else(|| panic!("the case has no input {name}"))
    }
}
