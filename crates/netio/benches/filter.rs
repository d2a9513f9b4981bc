//! Programs for 10,000 addresses.
//!
//! | What | Budget |
//! |---|---|
//! | a program is built | 1 ms: questions wait for it, and 1,000 Services may change in a second |

use std::net::{Ipv4Addr, Ipv6Addr};

use divan::{Bencher, black_box};
use ferrolb_netio::Filter;

const ADDRESSES: u32 = 10_000;

fn main() {
    divan::main();
}

/// A third of a pool: told by words of 32.
#[divan::bench]
fn arp_of_a_third_of_a_pool(bencher: Bencher<'_, '_>) {
    let held: Vec<_> = (0..ADDRESSES)
        .map(|n| Ipv4Addr::from_bits(0x0a00_0000 + 3 * n))
        .collect();
    bencher.bench_local(|| Filter::arp(black_box(&held).iter().copied(), Filter::MAX_INSTRUCTIONS));
}

/// Far from each other: joined.
#[divan::bench]
fn arp_of_scattered_addresses(bencher: Bencher<'_, '_>) {
    let held: Vec<_> = (0..ADDRESSES)
        .map(|n| Ipv4Addr::from_bits(0x0a00_0000 + 1_009 * n))
        .collect();
    bencher.bench_local(|| Filter::arp(black_box(&held).iter().copied(), Filter::MAX_INSTRUCTIONS));
}

#[divan::bench]
fn ndp_of_a_third_of_a_pool(bencher: Bencher<'_, '_>) {
    let address = |n: u32| Ipv6Addr::from_bits((0xfd00_u128 << 112) + u128::from(3 * n));
    let held: Vec<_> = (0..ADDRESSES).map(address).collect();
    bencher.bench_local(|| Filter::ndp(black_box(&held).iter().copied(), Filter::MAX_INSTRUCTIONS));
}
