use super::fixture::Case;
use catena::device::Device;

pub fn run(_case: &Case, _device: &Device) -> Option<Result<(), String>> {
    None
}
