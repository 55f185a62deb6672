//! `philox.wgsl` against the functions beside it, on whatever adapter there is (a software one will do).

use super::*;

const N: u32 = 1 << 16;

const MAIN: &str = "
struct Params { key: vec2<u32>, offset: vec2<u32> }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> out: array<vec4<u32>>;
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let i = id.x;
    let word = philox_word(i, params.key, params.offset);
    out[3u * i] = vec4<u32>(
        word,
        bitcast<u32>(uniform_from_bits(word)),
        bitcast<u32>(philox_normal(i, params.key, params.offset)),
        bitcast<u32>(randint_from_bits(word, -1000000007, 2000000011)),
    );
    out[3u * i + 1u] = philox4x32(vec4<u32>(word, i, ~i, word * i), vec2<u32>(~word, i));
    // Words of few bits and of many reach both tails of the transform.
    out[3u * i + 2u] = vec4<u32>(
        bitcast<u32>(normal_from_bits(word >> (i & 31u), ~word)),
        bitcast<u32>(normal_from_bits(~(word >> (i & 31u)), word)),
        philox_mul_high(word, ~i),
        bitcast<u32>(normal_from_bits(~0u, word)),
    );
}";

/// What the kernel wrote for each element, or nothing where no adapter answers.
fn run(params: [u32; 4]) -> Option<Vec<[u32; 12]>> {
    let instance = wgpu::Instance::default();
    let adapter = pollster::block_on(instance.request_adapter(&Default::default())).ok()?;
    let (device, queue) = pollster::block_on(adapter.request_device(&Default::default())).expect("a device");
    let source = format!("{}{MAIN}", include_str!("../../../shaders/random/philox.wgsl"));
    let module = device.create_shader_module(wgpu::ShaderModuleDescriptor {
        label: Some("philox"),
        source: wgpu::ShaderSource::Wgsl(source.into()),
    });
    let pipeline = device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
        label: Some("philox"),
        layout: None,
        module: &module,
        entry_point: Some("main"),
        compilation_options: Default::default(),
        cache: None,
    });
    let buffer = |size: u64, usage| {
        device.create_buffer(&wgpu::BufferDescriptor { label: None, size, usage, mapped_at_creation: false })
    };
    let size = u64::from(N) * 48;
    let uniform = buffer(16, wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST);
    let storage = buffer(size, wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_SRC);
    let staging = buffer(size, wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST);
    queue.write_buffer(&uniform, 0, bytemuck::cast_slice(&params));
    let group = device.create_bind_group(&wgpu::BindGroupDescriptor {
        label: None,
        layout: &pipeline.get_bind_group_layout(0),
        entries: &[
            wgpu::BindGroupEntry { binding: 0, resource: uniform.as_entire_binding() },
            wgpu::BindGroupEntry { binding: 1, resource: storage.as_entire_binding() },
        ],
    });
    let mut encoder = device.create_command_encoder(&Default::default());
    {
        let mut pass = encoder.begin_compute_pass(&Default::default());
        pass.set_pipeline(&pipeline);
        pass.set_bind_group(0, &group, &[]);
        pass.dispatch_workgroups(N / 64, 1, 1);
    }
    encoder.copy_buffer_to_buffer(&storage, 0, &staging, 0, size);
    queue.submit([encoder.finish()]);
    staging.map_async(wgpu::MapMode::Read, .., |result| result.expect("mapped"));
    device.poll(wgpu::PollType::wait_indefinitely()).expect("finished");
    let bytes = staging.get_mapped_range(..).expect("mapped").to_vec();
    Some(bytemuck::pod_collect_to_vec(&bytes))
}

#[test]
fn shader_and_host_draw_the_same_numbers() {
    // The low half of the offset overflows within the draw.
    let draw = Generator::from_state([0xfeed_5eed_0bad_cafe, 9, (1 << 32) - 100]).take(2 * u64::from(N));
    let Some(rows) = run(draw.params()) else {
        eprintln!("skipped: there is no adapter to run the shader on");
        return;
    };
    let mut worst = 0f32;
    let mut near = |what: &str, i: u32, got: u32, want: f32| {
        let error = (f32::from_bits(got) - want).abs();
        worst = worst.max(error);
        assert!(error <= 1e-5, "{what} {i}: {} on the device, {want} here", f32::from_bits(got));
    };
    for (i, row) in (0..N).zip(rows) {
        let [word, uniform, normal, integer, p0, p1, p2, p3, low, high, product, zero] = row;
        let at = u64::from(i);
        assert_eq!(word, draw.word(at), "word {i}");
        assert_eq!(f32::from_bits(uniform), uniform_from_bits(word), "uniform {i}");
        assert_eq!(integer as i32, randint_from_bits(word, -1_000_000_007, 2_000_000_011), "integer {i}");
        assert_eq!([p0, p1, p2, p3], philox4x32([word, i, !i, word.wrapping_mul(i)], [!word, i]), "block {i}");
        assert_eq!(product, ((u64::from(word) * u64::from(!i)) >> 32) as u32, "product {i}");
        near("normal", i, normal, normal_from_bits(draw.word(2 * at), draw.word(2 * at + 1)));
        let small = word >> (i & 31);
        near("tail", i, low, normal_from_bits(small, !word));
        near("centre", i, high, normal_from_bits(!small, word));
        near("zero", i, zero, 0.0);
    }
    println!("largest difference of normals: {worst:e}");
}
