use super::*;

const RETRY: Duration = Duration::from_secs(2);

fn at(seconds: f64) -> Instant {
    Instant::ZERO + Duration::from_secs_f64(seconds)
}

fn lease(version: &str, holder: &str, renewed: &str) -> Lease {
    let record = Record {
        holder: holder.into(),
        duration: Duration::from_secs(15),
        acquired: "then".into(),
        renewed: renewed.into(),
        transitions: 3,
    };
    Lease {
        version: version.into(),
        record,
    }
}

fn candidate() -> Election {
    Election::new(Config::default(), "me", 1)
}

fn told(election: &mut Election, now: f64, input: Input) -> Vec<Output> {
    let mut out = Vec::new();
    election.handle(at(now), input, &mut out);
    out
}

fn requests(out: &[Output]) -> Vec<&Request> {
    let sent = out.iter().filter_map(|output| match output {
        Output::Send { request, .. } => Some(request),
        _ => None,
    });
    sent.collect()
}

/// A leader whose acquisition was sent at 0 and answered at once.
fn leader() -> Election {
    let mut election = candidate();
    told(&mut election, 0.0, Input::Tick);
    told(&mut election, 0.0, Input::Read(None));
    let out = told(&mut election, 0.0, Input::Written(lease("1", "me", "a")));
    assert_eq!(out, [Output::Lead, Output::MayWriteUntil(at(10.0))]);
    election
}

#[test]
fn a_lease_of_another_is_taken_when_it_has_not_changed_for_its_duration() {
    let mut election = candidate();
    told(&mut election, 0.0, Input::Tick);
    let out = told(&mut election, 1.0, Input::Read(Some(lease("5", "other", "a"))));
    assert_eq!(out, [Output::NoteHolder("other".into())]);
    let mut now = 1.0;
    while now < 15.9 {
        now = election.next_deadline().unwrap().as_nanos() as f64 / 1e9;
        let out = told(&mut election, now, Input::Tick);
        if now < 16.0 {
            assert_eq!(requests(&out), [&Request::Get], "at {now}");
            told(&mut election, now, Input::Read(Some(lease("5", "other", "a"))));
        } else {
            let [Request::Update { version, claim }] = requests(&out)[..] else {
                panic!("{out:?}")
            };
            assert_eq!((&**version, &*claim.holder, claim.transitions), ("5", "me", 4));
            assert_eq!(claim.acquired, None);
        }
    }
    assert_eq!(now, 16.0, "exactly when it expires");
}

#[test]
fn a_change_that_a_watch_shows_is_a_renewal_and_an_edit_of_the_metadata_is_none() {
    let mut election = candidate();
    told(&mut election, 0.0, Input::Tick);
    told(&mut election, 0.0, Input::Read(Some(lease("5", "other", "a"))));
    assert_eq!(election.free_at(), at(15.0));
    let labelled = lease("6", "other", "a");
    assert_eq!(told(&mut election, 1.0, Input::Seen(Some(labelled))), []);
    assert_eq!(election.free_at(), at(15.0));
    told(&mut election, 1.5, Input::Seen(Some(lease("7", "other", "b"))));
    assert_eq!(election.free_at(), at(16.5));
}

#[test]
fn a_lease_that_was_given_back_is_taken_at_once() {
    let mut election = candidate();
    told(&mut election, 0.0, Input::Tick);
    told(&mut election, 0.0, Input::Read(Some(lease("5", "other", "a"))));
    let out = told(&mut election, 1.0, Input::Seen(Some(lease("6", "", "b"))));
    let [Request::Update { version, .. }] = requests(&out)[..] else {
        panic!("{out:?}")
    };
    assert_eq!(&**version, "6");
    let out = told(&mut election, 1.2, Input::Written(lease("7", "me", "c")));
    assert_eq!(
        out,
        [Output::Lead, Output::MayWriteUntil(at(11.0))],
        "counted from sending"
    );
}

#[test]
fn a_lease_that_is_deleted_under_its_holder_is_not_taken_before_it_would_have_expired() {
    let mut election = candidate();
    told(&mut election, 0.0, Input::Tick);
    told(&mut election, 0.0, Input::Read(Some(lease("5", "other", "a"))));
    assert_eq!(told(&mut election, 1.0, Input::Seen(None)), []);
    let out = told(&mut election, 14.9, Input::Tick);
    assert_eq!(requests(&out), [&Request::Get]);
    told(&mut election, 14.9, Input::Read(None));
    let out = told(&mut election, 15.0, Input::Tick);
    assert!(matches!(requests(&out)[..], [Request::Create(_)]), "{out:?}");
}

#[test]
fn a_leader_renews_within_its_period_and_each_renewal_moves_the_deadline() {
    let mut election = leader();
    let due = election.next_deadline().unwrap();
    assert!(
        due >= Instant::ZERO + RETRY * 8 / 10 && due <= Instant::ZERO + RETRY,
        "{due:?}"
    );
    let out = told(&mut election, 2.0, Input::Tick);
    let [Request::Update { version, claim }] = requests(&out)[..] else {
        panic!("{out:?}")
    };
    assert_eq!(
        (&**version, claim.acquired.as_deref(), claim.transitions),
        ("1", Some("then"), 3)
    );
    let out = told(&mut election, 3.0, Input::Written(lease("2", "me", "b")));
    assert_eq!(out, [Output::MayWriteUntil(at(12.0))]);
    assert!(election.may_write(at(11.9)) && !election.may_write(at(12.0)));
}

#[test]
fn a_leader_that_cannot_renew_stops_before_others_may_start() {
    let mut election = leader();
    let (mut now, mut attempts, mut out) = (0.0, 0, Vec::new());
    while !out.contains(&Output::Stop(Loss::NotRenewed)) {
        now = election.next_deadline().unwrap().as_nanos() as f64 / 1e9;
        out = told(&mut election, now, Input::Tick);
        if let Some(Output::Send { within, .. }) = out.last()
            && election.may_write(at(now))
        {
            assert!(
                now + within.as_secs_f64() <= 10.0,
                "an answer after the deadline is of no use"
            );
            attempts += 1;
            told(&mut election, now, Input::Failed);
        }
    }
    assert_eq!(now, 10.0);
    assert!(attempts >= 4, "{attempts}");
    assert!(!election.may_write(at(now)));
}

#[test]
fn a_renewal_that_changes_nothing_is_none_since_nobody_sees_it() {
    let mut election = leader();
    told(&mut election, 2.0, Input::Tick);
    assert_eq!(
        told(&mut election, 2.1, Input::Written(lease("1", "me", "a"))),
        []
    );
    assert!(!election.may_write(at(10.0)));
}

#[test]
fn a_process_that_was_stopped_is_no_leader_before_it_does_anything() {
    for answer in [Input::Tick, Input::Written(lease("2", "me", "b"))] {
        let mut election = leader();
        told(&mut election, 2.0, Input::Tick);
        assert!(!election.may_write(at(60.0)), "asked without being told first");
        let out = told(&mut election, 60.0, answer);
        assert_eq!(out[0], Output::Stop(Loss::NotRenewed));
        assert!(!election.may_write(at(60.0)));
    }
}

#[test]
fn what_was_answered_too_late_is_confirmed_before_it_counts() {
    let mut election = candidate();
    told(&mut election, 0.0, Input::Tick);
    told(&mut election, 0.0, Input::Read(None));
    let out = told(&mut election, 30.0, Input::Written(lease("1", "me", "a")));
    assert!(!out.contains(&Output::Lead), "{out:?}");
    assert!(matches!(requests(&out)[..], [Request::Update { .. }]), "{out:?}");
    let out = told(&mut election, 30.1, Input::Written(lease("2", "me", "b")));
    assert_eq!(out, [Output::Lead, Output::MayWriteUntil(at(40.0))]);
}

#[test]
fn a_leader_that_sees_another_holder_stops_at_once() {
    let mut election = leader();
    told(&mut election, 2.0, Input::Tick);
    let out = told(&mut election, 2.1, Input::Conflict);
    assert_eq!(requests(&out), [&Request::Get]);
    assert!(election.may_write(at(2.1)), "it may have been its own change");
    let out = told(&mut election, 2.2, Input::Read(Some(lease("9", "other", "x"))));
    assert_eq!(
        out,
        [
            Output::NoteHolder("other".into()),
            Output::Stop(Loss::Taken("other".into()))
        ]
    );
}

#[test]
fn who_leaves_gives_the_lease_back_on_the_version_that_is_stored() {
    let mut election = leader();
    told(&mut election, 2.0, Input::Tick);
    let out = told(&mut election, 2.1, Input::Stopped);
    assert_eq!(out, [Output::Stop(Loss::Left)], "a renewal is under way");
    assert!(!election.may_write(at(2.1)));
    let out = told(&mut election, 2.2, Input::Written(lease("2", "me", "b")));
    let [Request::Update { version, claim }] = requests(&out)[..] else {
        panic!("{out:?}")
    };
    assert_eq!((&**version, &*claim.holder), ("2", ""));
    assert_eq!(out.last(), Some(&Output::End));
    assert_eq!(election.next_deadline(), None);
}

#[test]
fn a_candidate_that_leaves_touches_nothing() {
    let mut election = candidate();
    told(&mut election, 0.0, Input::Tick);
    told(&mut election, 0.0, Input::Read(Some(lease("5", "other", "a"))));
    assert_eq!(told(&mut election, 1.0, Input::Stopped), [Output::End]);
}

#[test]
fn without_access_to_leases_there_is_no_election() {
    let mut election = candidate();
    told(&mut election, 0.0, Input::Tick);
    assert_eq!(told(&mut election, 0.1, Input::Denied), [Output::LeadUnelected]);
    assert!(election.may_write(at(1e6)));
    assert_eq!(election.next_deadline(), None);
    let out = told(&mut election, 9.0, Input::Stopped);
    assert_eq!(out, [Output::Stop(Loss::Left), Output::End]);
}

#[test]
fn access_that_is_withdrawn_later_does_not_end_the_election() {
    let mut election = leader();
    told(&mut election, 2.0, Input::Tick);
    assert_eq!(told(&mut election, 2.1, Input::Denied), []);
    assert_eq!(
        told(&mut election, 10.0, Input::Tick)[0],
        Output::Stop(Loss::NotRenewed)
    );
}

#[test]
fn a_lease_without_a_sensible_duration_is_given_the_own_one() {
    let mut election = candidate();
    told(&mut election, 0.0, Input::Tick);
    let mut foreign = lease("5", "other", "a");
    foreign.record.duration = Duration::ZERO;
    told(&mut election, 0.0, Input::Read(Some(foreign)));
    assert_eq!(election.free_at(), at(15.0));
}
