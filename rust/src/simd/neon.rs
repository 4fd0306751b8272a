//! NEON, which all of 64-bit ARM has, with the AES instructions, which most of it has.

use super::isa::Isa;
use super::{LANES, Row, Simd, ops};
use std::arch::aarch64::*;
use std::array::from_fn;
use std::mem::transmute;

/// Vectors are read and written as arrays, which lie the other way round where bytes do.
pub(crate) fn has_neon() -> bool {
    cfg!(target_endian = "little") && std::arch::is_aarch64_feature_detected!("aes")
}

/// Sixteen lanes in four registers.
#[derive(Clone, Copy)]
pub(crate) struct Neon(());

impl Neon {
    /// # Safety
    /// The processor must have what [`has_neon`] asks for.
    #[inline(always)]
    pub(crate) unsafe fn new() -> Self {
        Neon(())
    }
}

type F4 = [float32x4_t; 4];
type U4 = [uint32x4_t; 4];

#[inline(always)]
fn each<T>(quarter: impl Fn(usize) -> T) -> [T; 4] {
    [quarter(0), quarter(1), quarter(2), quarter(3)]
}

#[inline(always)]
fn bit_lanes(shift: usize) -> uint32x4_t {
    // SAFETY: four numbers as a vector, which every processor of the kind has.
    unsafe { transmute::<[u32; 4], uint32x4_t>(from_fn(|k| 1 << (k + shift))) }
}

impl Simd for Neon {
    type F = F4;
    type U = U4;
    type M = U4;

    const ISA: Isa = Isa::Neon;

    #[inline(always)]
    fn add_entries<const WEIGHT: i8>(self, sums: U4, table: &Row<u32>, places: U4) -> U4 {
        // SAFETY: who made this value vouched for the instructions; 64 bytes are four times 16.
        unsafe {
            let bytes: [uint8x16_t; 4] = transmute(*table);
            let table = uint8x16x4_t(bytes[0], bytes[1], bytes[2], bytes[3]);
            each(|k| {
                let entries = vqtbl4q_u8(table, vreinterpretq_u8_u32(places[k]));
                vmlaq_n_u32(sums[k], vpaddlq_u16(vpaddlq_u8(entries)), WEIGHT as i32 as u32)
            })
        }
    }

    ops! {
        splat(x: f32) -> F4 = [vdupq_n_f32(x); 4];
        add(a: F4, b: F4) -> F4 = each(|k| vaddq_f32(a[k], b[k]));
        sub(a: F4, b: F4) -> F4 = each(|k| vsubq_f32(a[k], b[k]));
        div(a: F4, b: F4) -> F4 = each(|k| vdivq_f32(a[k], b[k]));
        mul(a: F4, b: F4) -> F4 = each(|k| vmulq_f32(a[k], b[k]));
        // The instruction for it takes 0 for more than -0, and NaN for more than all.
        max(a: F4, b: F4) -> F4 = each(|k| vbslq_f32(vcgtq_f32(a[k], b[k]), a[k], b[k]));
        smaller(a: F4, b: F4) -> F4 = each(|k| vminq_f32(vabsq_f32(a[k]), vabsq_f32(b[k])));
        mul_add(a: F4, b: F4, c: F4) -> F4 = each(|k| vfmaq_f32(c[k], a[k], b[k]));
        negate(lanes: U4, a: F4) -> F4 = {
            let sign = vdupq_n_u32(1 << 31);
            each(|k| vreinterpretq_f32_u32(veorq_u32(vreinterpretq_u32_f32(a[k]), vandq_u32(lanes[k], sign))))
        };
        at_least(a: F4, b: F4) -> U4 = each(|k| vcgeq_f32(a[k], b[k]));
        exponent_and_mantissa(a: F4) -> (F4, F4) = {
            let bits = each(|k| vreinterpretq_u32_f32(a[k]));
            let exponent = |k: usize| vsubq_f32(vcvtq_f32_u32(vshrq_n_u32::<23>(bits[k])), vdupq_n_f32(127.0));
            let one = vreinterpretq_u32_f32(vdupq_n_f32(1.0));
            let digits = |k: usize| vandq_u32(bits[k], vdupq_n_u32(0x007F_FFFF));
            (each(exponent), each(|k| vreinterpretq_f32_u32(vorrq_u32(digits(k), one))))
        };
        to_floats(a: U4) -> F4 = each(|k| vcvtq_f32_s32(vreinterpretq_s32_u32(a[k])));
        floats(lanes: &Row<f32>) -> F4 = transmute(*lanes);
        float_array(a: F4) -> [f32; LANES] = transmute(a);
        ints(lanes: &Row<u32>) -> U4 = transmute(*lanes);
        int_array(a: U4) -> [u32; LANES] = transmute(a);
        splat_int(x: u32) -> U4 = [vdupq_n_u32(x); 4];
        add_int(a: U4, b: U4) -> U4 = each(|k| vaddq_u32(a[k], b[k]));
        sub_int(a: U4, b: U4) -> U4 = each(|k| vsubq_u32(a[k], b[k]));
        add_where(lanes: U4, a: U4, b: U4) -> U4 = each(|k| vaddq_u32(a[k], vandq_u32(lanes[k], b[k])));
        sub_where(lanes: U4, a: U4, b: U4) -> U4 = each(|k| vsubq_u32(a[k], vandq_u32(lanes[k], b[k])));
        xor(a: U4, b: U4) -> U4 = each(|k| veorq_u32(a[k], b[k]));
        and_or(a: U4, b: U4, c: U4) -> U4 = each(|k| vorrq_u32(vandq_u32(a[k], b[k]), c[k]));
        interleaved(a: U4, b: U4) -> [U4; 2] = {
            let pair = |k: usize| [vzip1q_u32(a[k], b[k]), vzip2q_u32(a[k], b[k])];
            let half = |k: usize| {
                let ([one, two], [three, four]) = (pair(k), pair(k + 1));
                [one, two, three, four]
            };
            [half(0), half(2)]
        };
        quarters(x: u32) -> U4 = [vsetq_lane_u32::<0>(x, vdupq_n_u32(0)); 4];
        mirrored_quarters(rows: [U4; 4]) -> [U4; 4] = {
            let quarter = |k: usize| {
                let (a, b) = (vtrnq_u32(rows[0][k], rows[1][k]), vtrnq_u32(rows[2][k], rows[3][k]));
                let low = |a, b| vcombine_u32(vget_low_u32(a), vget_low_u32(b));
                let high = |a, b| vcombine_u32(vget_high_u32(a), vget_high_u32(b));
                [low(a.0, b.0), low(a.1, b.1), high(a.0, b.0), high(a.1, b.1)]
            };
            let quarters = each(quarter);
            each(|word| each(|k| quarters[k][word]))
        };
        shr<const N: u32>(a: U4) -> U4 = each(|k| vshlq_u32(a[k], vdupq_n_s32(-(N as i32))));
        // In no closure, which would not have the instructions.
        aes(a: U4, key: U4) -> U4 = [
            aes_quarter(a[0], key[0]),
            aes_quarter(a[1], key[1]),
            aes_quarter(a[2], key[2]),
            aes_quarter(a[3], key[3]),
        ];
        masks(bits: u64) -> [U4; 4] = each(|v| {
            let sixteen = vdupq_n_u32((bits >> (LANES * v)) as u32);
            each(|k| vtstq_u32(sixteen, bit_lanes(4 * k)))
        });
        mask_bits(lanes: U4) -> u16 = {
            let bits = each(|k| vandq_u32(lanes[k], bit_lanes(4 * k)));
            vaddvq_u32(vorrq_u32(vorrq_u32(bits[0], bits[1]), vorrq_u32(bits[2], bits[3]))) as u16
        };
        top_bits(a: U4) -> U4 = each(|k| vcltzq_s32(vreinterpretq_s32_u32(a[k])));
        and(a: U4, b: U4) -> U4 = each(|k| vandq_u32(a[k], b[k]));
        or(a: U4, b: U4) -> U4 = each(|k| vorrq_u32(a[k], b[k]));
        and_not(a: U4, b: U4) -> U4 = each(|k| vbicq_u32(a[k], b[k]));
        xor3(a: U4, b: U4, c: U4) -> U4 = each(|k| veorq_u32(veorq_u32(a[k], b[k]), c[k]));
        majority(a: U4, b: U4, c: U4) -> U4 = each(|k| vbslq_u32(veorq_u32(a[k], b[k]), c[k], a[k]));
        choose(which: U4, a: U4, b: U4) -> U4 = each(|k| vbslq_u32(which[k], a[k], b[k]));
        no_bits(a: U4) -> bool = vmaxvq_u32(vorrq_u32(vorrq_u32(a[0], a[1]), vorrq_u32(a[2], a[3]))) == 0;
    }
}

/// ARM's AES instruction adds its key first; one that is 0 leaves ours to come last. (Between rounds the
/// compiler gives ours to the next instruction.)
#[inline]
#[target_feature(enable = "aes")]
fn aes_quarter(a: uint32x4_t, key: uint32x4_t) -> uint32x4_t {
    let mixed = vaesmcq_u8(vaeseq_u8(vreinterpretq_u8_u32(a), vdupq_n_u8(0)));
    veorq_u32(vreinterpretq_u32_u8(mixed), key)
}
