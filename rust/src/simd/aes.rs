//! AES without the instructions for it: what `Portable` has, and single numbers.

/// One full AES round on four columns: substitute bytes, shift rows, mix columns, add the round key.
pub(crate) fn aes_round(state: [u32; 4], key: [u32; 4]) -> [u32; 4] {
    std::array::from_fn(|column| {
        (0..4).fold(key[column], |word, row| {
            let byte = state[(column + row) % 4].to_le_bytes()[row];
            word ^ MIXED[byte as usize].rotate_left(8 * row as u32)
        })
    })
}

/// What the byte in row 0 of a column adds to the column after SubBytes and MixColumns; rows 1 to 3
/// are the same word rotated (FIPS 197, section 5.1).
static MIXED: [u32; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let s = substitute(byte as u8);
        let twice = double(s);
        table[byte] = u32::from_le_bytes([twice, s, s, s ^ twice]);
        byte += 1;
    }
    table
};

/// Multiplication by x in GF(2^8) modulo x^8 + x^4 + x^3 + x + 1.
const fn double(a: u8) -> u8 {
    (a << 1) ^ (if a & 0x80 == 0 { 0 } else { 0x1B })
}

/// The S-box: inverse in GF(2^8), then the affine map.
const fn substitute(a: u8) -> u8 {
    // a^254 is the inverse of a, and 0 for 0.
    let mut inverse = 1;
    let mut k = 0;
    while k < 254 {
        inverse = multiply(inverse, a);
        k += 1;
    }
    inverse
        ^ inverse.rotate_left(1)
        ^ inverse.rotate_left(2)
        ^ inverse.rotate_left(3)
        ^ inverse.rotate_left(4)
        ^ 0x63
}

const fn multiply(mut a: u8, mut b: u8) -> u8 {
    let mut product = 0;
    while b != 0 {
        if b & 1 != 0 {
            product ^= a;
        }
        a = double(a);
        b >>= 1;
    }
    product
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_round_is_that_of_fips_197() {
        // FIPS 197, appendix B, round 1 of the example: start, and start of round 2.
        let column = |hex: &str| -> [u32; 4] {
            std::array::from_fn(|c| u32::from_str_radix(&hex[8 * c..8 * c + 8], 16).unwrap().swap_bytes())
        };
        let start = column("193de3bea0f4e22b9ac68d2ae9f84808");
        let round_key = column("a0fafe1788542cb123a339392a6c7605");
        let next = column("a49c7ff2689f352b6b5bea43026a5049");
        assert_eq!(aes_round(start, round_key), next);
    }
}
