//! Runs a machine as a tokio task: one queue, one timer.

use ferrolb_types::Instant;
use tokio::sync::mpsc;
use tokio::time::Instant as TokioInstant;

use crate::Machine;

/// Inputs handled between two looks at the timer, so that a flood cannot starve it.
const BATCH: usize = 256;

/// Feeds `machine` from `inputs` and its own deadlines until all senders are gone and the queue is empty.
///
/// `dispatch` gets each output with the time at which it was asked for; it must not block. Time is tokio's, so a test
/// may pause and advance it. Cancel safe: dropping the future loses queued inputs only.
pub async fn run<M: Machine>(
    mut machine: M,
    mut inputs: mpsc::Receiver<M::Input>,
    mut dispatch: impl FnMut(Instant, M::Output),
) {
    let epoch = TokioInstant::now();
    let (mut batch, mut out) = (Vec::new(), Vec::new());
    loop {
        let deadline = machine
            .next_deadline()
            .map(|d| epoch + d.saturating_since(Instant::ZERO));
        let received = tokio::select! {
            biased;
            () = sleep_until(deadline) => None,
            count = inputs.recv_many(&mut batch, BATCH) => Some(count),
        };
        let now = Instant::ZERO + epoch.elapsed();
        match received {
            Some(0) => return,
            Some(_) => batch
                .drain(..)
                .for_each(|input| machine.handle(now, input, &mut out)),
            None => machine.handle(now, M::TICK, &mut out),
        }
        out.drain(..).for_each(|output| dispatch(now, output));
    }
}

async fn sleep_until(deadline: Option<TokioInstant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use super::*;

    /// Says each number that it is told after a second of silence.
    #[derive(Default)]
    struct Delayed(Vec<u32>, Option<Instant>);

    enum Input {
        Told(u32),
        Tick,
    }

    impl Machine for Delayed {
        type Input = Input;
        type Output = u32;
        const TICK: Input = Input::Tick;

        fn handle(&mut self, now: Instant, input: Input, out: &mut Vec<u32>) {
            match input {
                Input::Told(number) => {
                    self.0.push(number);
                    self.1 = Some(now + Duration::from_secs(1));
                }
                Input::Tick => {
                    out.append(&mut self.0);
                    self.1 = None;
                }
            }
        }

        fn next_deadline(&self) -> Option<Instant> {
            self.1
        }
    }

    #[tokio::test(start_paused = true)]
    async fn deadlines_fire_at_their_time_and_the_end_of_inputs_ends_the_task() {
        let (inputs, queue) = mpsc::channel(4);
        let feed = async move {
            for number in [1, 2] {
                inputs.send(Input::Told(number)).await.unwrap();
                tokio::time::sleep(Duration::from_millis(600)).await;
            }
            tokio::time::sleep(Duration::from_secs(5)).await;
        };
        let mut heard = Vec::new();
        tokio::join!(
            feed,
            run(Delayed::default(), queue, |at, number| heard.push((at, number)))
        );
        let numbers: Vec<u32> = heard.iter().map(|(_, n)| *n).collect();
        assert_eq!(numbers, [1, 2]);
        let at = heard[0].0;
        assert!(
            at >= Instant::from_millis(1600) && at < Instant::from_millis(1610),
            "{at:?}"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_flood_of_inputs_does_not_starve_the_timer() {
        let (inputs, queue) = mpsc::channel(4);
        let flood = async move {
            inputs.send(Input::Told(1)).await.unwrap();
            for _ in 0..2_000 {
                tokio::time::sleep(Duration::from_millis(1)).await;
                inputs.send(Input::Tick).await.unwrap();
            }
        };
        let mut heard = 0;
        tokio::join!(flood, run(Delayed::default(), queue, |_, _| heard += 1));
        assert_eq!(heard, 1);
    }
}
