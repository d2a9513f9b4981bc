//! One ring of FerroLB nodes and nodes of hashicorp/memberlist, in both directions.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use ferrolb_driver::Stopwatch;
use ferrolb_driver::ring::{self, Ring, Setup};
use ferrolb_gossip::{Config, Meta};
use ferrolb_tests_interop::Peer;
use ferrolb_tests_interop::peer::program;
use ferrolb_wire::memberlist::{Key, KeyRing};

const OLD_KEY: (&[u8; 32], &str) = (
    b"0123456789abcdef0123456789abcdef",
    "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=",
);
const NEW_KEY: (&[u8; 16], &str) = (b"0123456789abcdef", "MDEyMzQ1Njc4OWFiY2RlZg==");
/// What the issue promises for members to agree.
const AGREEMENT: Duration = Duration::from_secs(5);
/// What a death may take on a busy machine, with a probe interval of 200 ms.
const DEATH: Duration = Duration::from_secs(20);

/// Times short enough for many deaths; the same on both sides.
const QUICK: Config = Config {
    probe_interval: Duration::from_millis(200),
    probe_timeout: Duration::from_millis(100),
    ..Config::lan()
};
const QUICK_PEER: [&str; 2] = ["-probe", "200ms"];

fn keys(primary: &[u8], others: &[&[u8]]) -> Result<Option<KeyRing>> {
    let mut ring = KeyRing::new(Key::new(primary)?);
    for other in others {
        ring.add(Key::new(other)?);
    }
    Ok(Some(ring))
}

fn setup(name: &str) -> Setup {
    Setup {
        config: QUICK,
        ..Setup::new(name, SocketAddr::from(([127, 0, 0, 1], 0)))
    }
}

/// Waits until `ring` sees exactly `names`.
async fn sees(ring: &mut Ring, names: &[&str], patience: Duration) -> Result<()> {
    let same = |view: &ring::View| {
        view.members
            .iter()
            .map(|member| &*member.name)
            .eq(names.iter().copied())
    };
    let seen = tokio::time::timeout(patience, ring.view.wait_for(same))
        .await
        .map(drop);
    seen.with_context(|| {
        let reports: Vec<_> = core::iter::from_fn(|| ring.reports.try_recv().ok()).collect();
        format!("expected {names:?}, the reports are {reports:?}")
    })
}

async fn peer_sees(peer: &mut Peer, names: &[&str], patience: Duration) -> Result<()> {
    let start = Stopwatch::start();
    loop {
        let members = peer.members().await?;
        if members == names {
            return Ok(());
        }
        ensure!(
            start.elapsed() < patience,
            "expected {names:?}, the peer sees {members:?}, it told {:?}",
            peer.events
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Two nodes of each kind find each other, one of each leaves, one of each is killed.
async fn live_and_die(
    program: &Path,
    options: &[&str],
    mut make: impl FnMut(&str) -> Result<Setup>,
) -> Result<()> {
    let options = [&QUICK_PEER, options].concat();
    let mut rust_a = ring::start(make("a")?).await?;
    let mut go_b = Peer::start(program, "b", &options).await?;
    let mut rust_c = ring::start(make("c")?).await?;
    let mut go_d = Peer::start(program, "d", &options).await?;
    // Each kind joins the other.
    go_b.tell(&format!("join {}", rust_a.address)).await?;
    rust_c.handle.join(vec![go_b.address]).await;
    go_d.tell(&format!("join {}", rust_c.address)).await?;
    let all = ["a", "b", "c", "d"];
    sees(&mut rust_a, &all, AGREEMENT).await?;
    sees(&mut rust_c, &all, AGREEMENT).await?;
    peer_sees(&mut go_b, &all, AGREEMENT).await?;
    peer_sees(&mut go_d, &all, AGREEMENT).await?;
    // A user message of somebody else does no harm.
    go_b.tell("send a 464c4201").await?;
    go_d.tell("leave").await?;
    sees(&mut rust_a, &["a", "b", "c"], AGREEMENT).await?;
    rust_c.handle.leave().await;
    peer_sees(&mut go_b, &["a", "b"], AGREEMENT).await?;
    sees(&mut rust_a, &["a", "b"], AGREEMENT).await?;
    go_b.kill().await?;
    sees(&mut rust_a, &["a"], DEATH).await?;
    let mut go_e = Peer::start(program, "e", &options).await?;
    go_e.tell(&format!("join {}", rust_a.address)).await?;
    peer_sees(&mut go_e, &["a", "e"], AGREEMENT).await?;
    rust_a.task.abort();
    peer_sees(&mut go_e, &["e"], DEATH).await
}

/// What goes wrong once in fifty times only shows here.
#[tokio::test]
async fn members_agree_each_of_a_hundred_times() -> Result<()> {
    let Some(program) = program() else { return Ok(()) };
    for round in 0..100 {
        let mut rust_a = ring::start(setup("a")).await?;
        let mut go_b = Peer::start(&program, "b", &QUICK_PEER).await?;
        let mut rust_c = ring::start(setup("c")).await?;
        let mut go_d = Peer::start(&program, "d", &QUICK_PEER).await?;
        go_b.tell(&format!("join {}", rust_a.address)).await?;
        rust_c.handle.join(vec![go_b.address]).await;
        // Perhaps before that one has got its answer.
        go_d.tell(&format!("join {}", rust_c.address)).await?;
        let all = ["a", "b", "c", "d"];
        let agreed = async {
            sees(&mut rust_a, &all, AGREEMENT).await?;
            sees(&mut rust_c, &all, AGREEMENT).await?;
            peer_sees(&mut go_b, &all, AGREEMENT).await?;
            peer_sees(&mut go_d, &all, AGREEMENT).await
        };
        agreed.await.with_context(|| format!("round {round}"))?;
        rust_a.task.abort();
        rust_c.task.abort();
    }
    Ok(())
}

#[tokio::test]
async fn a_plain_ring_lives_and_dies_together() -> Result<()> {
    let Some(program) = program() else { return Ok(()) };
    live_and_die(&program, &["-compress=false"], |name| Ok(setup(name))).await
}

#[tokio::test]
async fn a_compressed_ring_with_large_metadata_lives_and_dies_together() -> Result<()> {
    let Some(program) = program() else { return Ok(()) };
    let subnets = (0..60u8)
        .map(|n| format!("10.{n}.0.0/24").parse())
        .collect::<Result<_, _>>()?;
    let meta = Meta {
        fast_watch: true,
        subnets: Some(subnets),
        ..Meta::default()
    };
    let text = "61".repeat(400);
    live_and_die(&program, &["-meta", &text], |name| {
        Ok(Setup {
            meta: meta.clone(),
            ..setup(name)
        })
    })
    .await
}

#[tokio::test]
async fn an_encrypted_ring_lives_and_dies_together() -> Result<()> {
    let Some(program) = program() else { return Ok(()) };
    live_and_die(&program, &["-keys", OLD_KEY.1], |name| {
        Ok(Setup {
            keys: keys(OLD_KEY.0, &[])?,
            ..setup(name)
        })
    })
    .await
}

#[tokio::test]
async fn a_labelled_encrypted_ring_lives_and_dies_together() -> Result<()> {
    let Some(program) = program() else { return Ok(()) };
    live_and_die(&program, &["-keys", NEW_KEY.1, "-label", "blue"], |name| {
        Ok(Setup {
            keys: keys(NEW_KEY.0, &[])?,
            label: "blue".to_owned(),
            ..setup(name)
        })
    })
    .await
}

#[tokio::test]
async fn keys_are_rotated_without_losing_a_member() -> Result<()> {
    let Some(program) = program() else { return Ok(()) };
    let mut ours = ring::start(Setup {
        keys: keys(OLD_KEY.0, &[])?,
        ..setup("a")
    })
    .await?;
    let mut peer = Peer::start(&program, "b", &[&QUICK_PEER[..], &["-keys", OLD_KEY.1]].concat()).await?;
    peer.tell(&format!("join {}", ours.address)).await?;
    sees(&mut ours, &["a", "b"], AGREEMENT).await?;
    // Both know the new key, then both use it, then both forget the old one.
    ours.handle.set_keys(keys(OLD_KEY.0, &[NEW_KEY.0])?).await;
    peer.tell(&format!("addkey {}", NEW_KEY.1)).await?;
    ours.handle.set_keys(keys(NEW_KEY.0, &[OLD_KEY.0])?).await;
    peer.tell(&format!("usekey {}", NEW_KEY.1)).await?;
    ours.handle.set_keys(keys(NEW_KEY.0, &[])?).await;
    peer.tell(&format!("removekey {}", OLD_KEY.1)).await?;
    // News pass with the new key alone, and nobody was lost meanwhile.
    let mut third = Peer::start(&program, "c", &[&QUICK_PEER[..], &["-keys", NEW_KEY.1]].concat()).await?;
    third.tell(&format!("join {}", ours.address)).await?;
    peer_sees(&mut peer, &["a", "b", "c"], AGREEMENT).await?;
    while let Ok((_, report)) = ours.reports.try_recv() {
        let gone = matches!(report, ferrolb_gossip::Output::ReportMemberGone { .. });
        ensure!(!gone, "{report:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_node_with_another_key_stays_out() -> Result<()> {
    let Some(program) = program() else { return Ok(()) };
    let mut ours = ring::start(Setup {
        keys: keys(OLD_KEY.0, &[])?,
        ..setup("a")
    })
    .await?;
    let mut stranger = Peer::start(&program, "b", &["-keys", NEW_KEY.1]).await?;
    ensure!(
        stranger.tell(&format!("join {}", ours.address)).await.is_err(),
        "it joined"
    );
    ours.handle.join(vec![stranger.address]).await;
    let (_, report) = ours.reports.recv().await.context("a report")?;
    ensure!(
        matches!(report, ferrolb_gossip::Output::ReportJoinFailed { .. }),
        "{report:?}"
    );
    ensure!(ours.view.borrow().members.len() == 1);
    Ok(())
}

#[tokio::test]
async fn two_hundred_joins_and_kills_are_all_noticed() -> Result<()> {
    const AT_ONCE: usize = 20;
    // Two survivors among many dead confirm nothing to each other and slow down: here they must not.
    const HASTY: Config = Config {
        suspicion_max_timeout_mult: 1,
        awareness_max_multiplier: 1,
        ..QUICK
    };
    let Some(program) = program() else { return Ok(()) };
    let hasty = |name| Setup {
        config: HASTY,
        ..setup(name)
    };
    let mut ours = ring::start(hasty("a")).await?;
    let mut other = ring::start(hasty("b")).await?;
    other.handle.join(vec![ours.address]).await;
    sees(&mut ours, &["a", "b"], AGREEMENT).await?;
    for round in 0..200 / AT_ONCE {
        let names: Vec<String> = (0..AT_ONCE).map(|n| format!("go-{round:02}-{n:02}")).collect();
        let mut peers = Vec::new();
        for name in &names {
            let mut peer = Peer::start(&program, name, &QUICK_PEER).await?;
            peer.tell(&format!("join {}", ours.address)).await?;
            peers.push(peer);
        }
        let all: Vec<&str> = ["a", "b"]
            .into_iter()
            .chain(names.iter().map(String::as_str))
            .collect();
        sees(&mut ours, &all, AGREEMENT)
            .await
            .with_context(|| format!("round {round}"))?;
        sees(&mut other, &all, AGREEMENT)
            .await
            .with_context(|| format!("round {round}"))?;
        for peer in &mut peers {
            let mut sorted = all.clone();
            sorted.sort_unstable();
            peer_sees(peer, &sorted, AGREEMENT)
                .await
                .with_context(|| format!("round {round}"))?;
        }
        for peer in peers {
            peer.kill().await?;
        }
        sees(&mut ours, &["a", "b"], DEATH)
            .await
            .with_context(|| format!("round {round}"))?;
        sees(&mut other, &["a", "b"], DEATH)
            .await
            .with_context(|| format!("round {round}"))?;
    }
    ensure!(ours.view.borrow().out.is_empty(), "our own nodes were never out");
    Ok(())
}
