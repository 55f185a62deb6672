//! Which devices there are, and which one a name means.

use super::{Device, Gpu};
use crate::error::{Error, Result};
use parking_lot::Mutex;
use std::sync::{Arc, OnceLock};

/// The environment variable that names the device of [`Device::best`].
const VARIABLE: &str = "CATENA_DEVICE";

/// A device that can be opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceInfo {
    /// The adapter's own name, or `cpu`.
    pub name: String,
    /// `cpu`, `vulkan`, `metal`, `dx12` or `gl`.
    pub interface: String,
    /// `cpu`, `discrete`, `integrated`, `virtual`, `software` or `other`.
    pub kind: String,
    /// What to give to [`Device::named`] to open exactly this one.
    pub id: String,
}

/// How to open a device otherwise than [`Device::named`] does: with less than the adapter allows.
///
/// For programs that share an adapter, and for tests of what happens at its limits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DeviceOptions {
    /// Bytes of one buffer that a kernel may see; tensors may be larger.
    pub max_binding_bytes: Option<u64>,
    /// Bytes of one buffer, and so of one tensor.
    pub max_buffer_bytes: Option<u64>,
    /// Elements, times operations on each, that one launch computes.
    pub max_launch_elements: Option<u64>,
    /// Kernels do without subgroups, as on an adapter that has none.
    pub no_subgroups: bool,
}

fn instance() -> &'static wgpu::Instance {
    static INSTANCE: OnceLock<wgpu::Instance> = OnceLock::new();
    INSTANCE.get_or_init(|| {
        let mut descriptor = wgpu::InstanceDescriptor::new_without_display_handle();
        // GL is the last resort of wgpu and slow at compute: only for who asks for it by name.
        let gl = std::env::var(VARIABLE).is_ok_and(|v| v.to_lowercase().starts_with("gl"));
        descriptor.backends = wgpu::Backends::VULKAN | wgpu::Backends::METAL | wgpu::Backends::DX12;
        if gl {
            descriptor.backends |= wgpu::Backends::GL;
        }
        // The default keeps a validation of indirect dispatches that caps buffers at 4 GiB.
        descriptor.flags =
            if super::gpu::checked() { wgpu::InstanceFlags::VALIDATION } else { wgpu::InstanceFlags::empty() };
        wgpu::Instance::new(descriptor)
    })
}

fn interface(info: &wgpu::AdapterInfo) -> &'static str {
    match info.backend {
        wgpu::Backend::Vulkan => "vulkan",
        wgpu::Backend::Metal => "metal",
        wgpu::Backend::Dx12 => "dx12",
        wgpu::Backend::Gl => "gl",
        _ => "other",
    }
}

fn kind(info: &wgpu::AdapterInfo) -> &'static str {
    match info.device_type {
        wgpu::DeviceType::DiscreteGpu => "discrete",
        wgpu::DeviceType::IntegratedGpu => "integrated",
        wgpu::DeviceType::VirtualGpu => "virtual",
        wgpu::DeviceType::Cpu => "software",
        wgpu::DeviceType::Other => "other",
    }
}

/// Hardware adapters, best first, then software ones.
fn adapters() -> Vec<wgpu::Adapter> {
    let mut found = pollster::block_on(instance().enumerate_adapters(wgpu::Backends::all()));
    found.sort_by_key(|a| match a.get_info().device_type {
        wgpu::DeviceType::DiscreteGpu => 0,
        wgpu::DeviceType::IntegratedGpu => 1,
        wgpu::DeviceType::VirtualGpu => 2,
        wgpu::DeviceType::Other => 3,
        wgpu::DeviceType::Cpu => 4,
    });
    found
}

fn describe(found: &[wgpu::Adapter]) -> Vec<DeviceInfo> {
    let (mut hardware, mut software) = (0, 0);
    let cpu = DeviceInfo { name: "cpu".into(), interface: "cpu".into(), kind: "cpu".into(), id: "cpu".into() };
    let others = found.iter().map(|a| {
        let info = a.get_info();
        let (word, n) = if info.device_type == wgpu::DeviceType::Cpu {
            ("software", &mut software)
        } else {
            ("gpu", &mut hardware)
        };
        let id = format!("{word}:{n}");
        *n += 1;
        DeviceInfo { name: info.name.clone(), interface: interface(&info).into(), kind: kind(&info).into(), id }
    });
    std::iter::once(cpu).chain(others).collect()
}

/// Opens an adapter once; a lost device is opened anew.
fn open(adapter: &wgpu::Adapter) -> Result<Device> {
    static OPEN: Mutex<Vec<(String, Arc<Gpu>)>> = Mutex::new(Vec::new());
    let info = adapter.get_info();
    let key = format!("{info:?}");
    let mut open = OPEN.lock();
    open.retain(|(_, gpu)| !gpu.is_lost());
    if let Some((_, gpu)) = open.iter().find(|(k, _)| *k == key) {
        return Ok(Device::Gpu(gpu.clone()));
    }
    let gpu = Arc::new(Gpu::open(adapter, full_name(&info), &DeviceOptions::default())?);
    open.push((key, gpu.clone()));
    Ok(Device::Gpu(gpu))
}

fn full_name(info: &wgpu::AdapterInfo) -> String {
    format!("{} ({})", info.name, interface(info))
}

/// What a name means, among the adapters found.
enum Named {
    Cpu,
    Adapter(wgpu::Adapter),
}

impl Device {
    /// The device to train on: what `CATENA_DEVICE` names, else a discrete GPU, an integrated or virtual one, the CPU.
    ///
    /// A software adapter is never chosen unless named: it is far slower than the CPU device.
    ///
    /// # Panics
    /// When `CATENA_DEVICE` names no device; [`Device::from_env`] gives that as an error.
    #[track_caller]
    pub fn best() -> Device {
        match Device::from_env() {
            Ok(device) => device,
            Err(error) => panic!("{error}"),
        }
    }

    /// As [`Device::best`], with an error where `CATENA_DEVICE` names no device.
    pub fn from_env() -> Result<Device> {
        match std::env::var(VARIABLE) {
            Ok(name) if !name.is_empty() => Device::named(&name),
            _ => {
                let found = adapters();
                let hardware = found.iter().filter(|a| a.get_info().device_type != wgpu::DeviceType::Cpu);
                for adapter in hardware {
                    match open(adapter) {
                        Ok(device) => return Ok(device),
                        Err(error) => tracing::warn!("{error}"),
                    }
                }
                Ok(Device::cpu())
            }
        }
    }

    /// Opens a device by name.
    ///
    /// `best`, `cpu`, `gpu` (the first hardware adapter), `gpu:N`, `software` (such as Mesa's lavapipe), `software:N`,
    /// an interface (`vulkan`, `metal`, `dx12`, `gl`), or part of an adapter's name.
    ///
    /// # Errors
    /// [`Error::NoDevice`] lists what there is; [`Error::DeviceRequest`] when the adapter cannot be opened.
    ///
    /// ```
    /// # use catena::device::Device;
    /// assert!(Device::named("cpu").unwrap().is_cpu());
    /// let text = Device::named("abacus").unwrap_err().to_string();
    /// assert!(text.contains("abacus") && text.contains("available: cpu"));
    /// ```
    pub fn named(name: &str) -> Result<Device> {
        match find(name)? {
            Named::Cpu => Ok(Device::cpu()),
            Named::Adapter(adapter) => open(&adapter),
        }
    }

    /// Opens a device of its own by name, with memory, kernels and counters of its own; [`Device::named`] gives the same
    /// device to everybody.
    ///
    /// # Errors
    /// As [`Device::named`].
    ///
    /// ```
    /// # use catena::device::{Device, DeviceOptions};
    /// assert!(Device::open("cpu", &DeviceOptions::default()).unwrap().is_cpu());
    /// ```
    pub fn open(name: &str, options: &DeviceOptions) -> Result<Device> {
        match find(name)? {
            Named::Cpu => Ok(Device::cpu()),
            Named::Adapter(adapter) => {
                let name = full_name(&adapter.get_info());
                Ok(Device::Gpu(Arc::new(Gpu::open(&adapter, name, options)?)))
            }
        }
    }

    /// The `index`-th hardware GPU, best first.
    ///
    /// # Errors
    /// [`Error::NoDevice`] when there is none of that number.
    pub fn gpu(index: usize) -> Result<Device> {
        Device::named(&format!("gpu:{index}"))
    }

    /// Every device that can be opened, the CPU first.
    pub fn all() -> Vec<DeviceInfo> {
        describe(&adapters())
    }
}

/// What a name means.
fn find(name: &str) -> Result<Named> {
    let wanted = name.trim().to_lowercase();
    match wanted.as_str() {
        "cpu" => return Ok(Named::Cpu),
        "best" | "" => {
            let found = adapters();
            let hardware = found.into_iter().find(|a| a.get_info().device_type != wgpu::DeviceType::Cpu);
            return Ok(hardware.map_or(Named::Cpu, Named::Adapter));
        }
        _ => {}
    }
    let mut found = adapters();
    let listed = describe(&found);
    let alias = match wanted.as_str() {
        "gpu" => "gpu:0",
        "software" => "software:0",
        other => other,
    };
    let by_id = listed.iter().position(|d| d.id == alias);
    let by_interface = || listed.iter().position(|d| d.interface == wanted && d.id != "cpu");
    let by_name = || listed.iter().position(|d| d.id != "cpu" && d.name.to_lowercase().contains(&wanted));
    match by_id.or_else(by_interface).or_else(by_name) {
        Some(i) => Ok(Named::Adapter(found.swap_remove(i - 1))),
        None => Err(Error::NoDevice {
            wanted: name.into(),
            available: listed
                .iter()
                .map(|d| {
                    if d.id == "cpu" {
                        "cpu".into()
                    } else {
                        format!("{} = {} ({}, {})", d.id, d.name, d.interface, d.kind)
                    }
                })
                .collect::<Vec<_>>()
                .join(", "),
        }),
    }
}
