//! A kernel's text through naga: parsed, validated, and written for Vulkan, Metal and Direct3D.

use naga::{
    back::{hlsl, msl, spv},
    valid::{Capabilities, ModuleInfo, ValidationFlags, Validator},
};

/// Parses and validates a text.
pub fn module(text: &str) -> Result<(naga::Module, ModuleInfo), String> {
    let module = naga::front::wgsl::parse_str(text).map_err(|e| format!("parse: {}", e.emit_to_string(text)))?;
    let info = Validator::new(ValidationFlags::all(), Capabilities::all())
        .validate(&module)
        .map_err(|e| format!("validate: {}", e.emit_to_string(text)))?;
    Ok((module, info))
}

/// Takes a text through every back end; says which one refused it, and why.
pub fn check(text: &str) -> Result<(), String> {
    let (module, info) = module(text)?;
    if module.entry_points.len() != 1 {
        return Err(format!("{} entry points, expected one", module.entry_points.len()));
    }
    let entry = module.entry_points[0].name.clone();
    let words = spv::write_vec(&module, &info, &spv::Options::default(), None).map_err(|e| format!("SPIR-V: {e}"))?;
    let options = msl::Options { lang_version: (2, 4), fake_missing_bindings: true, ..Default::default() };
    let (metal, translated) = msl::write_string(&module, &info, &options, &msl::PipelineOptions::default())
        .map_err(|e| format!("MSL: {e}"))?;
    if let Some(Err(e)) = translated.entry_point_names.into_iter().find(Result::is_err) {
        return Err(format!("MSL: {e}"));
    }
    let options = hlsl::Options {
        shader_model: hlsl::ShaderModel::V6_2,
        fake_missing_bindings: true,
        immediates_target: Some(hlsl::BindTarget { register: 0, space: 1, ..Default::default() }),
        ..Default::default()
    };
    let mut direct = String::new();
    let written = hlsl::Writer::new(&mut direct, &options, &hlsl::PipelineOptions::default())
        .write(&module, &info, None)
        .map_err(|e| format!("HLSL: {e}"))?;
    if let Some(Err(e)) = written.entry_point_names.into_iter().find(Result::is_err) {
        return Err(format!("HLSL: {e}"));
    }
    let whole = !words.is_empty() && metal.contains("kernel") && direct.contains("numthreads");
    if whole { Ok(()) } else { Err(format!("{entry} is missing from what was written")) }
}
