//! Tickets as futures: tasks wait without blocking the thread they run on.

use std::collections::VecDeque;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use nuages_storage::lock::Strength::{Share, Update};
use nuages_storage::lock::{How, LockError, Locks, Outcome, Owner};

use crate::{queue, row, take};

type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Runs tasks on one thread: those that were woken, in the order of their waking.
#[derive(Default)]
struct Executor {
    woken: Arc<Mutex<VecDeque<usize>>>,
    tasks: Vec<Option<Task>>,
}

struct Woken {
    task: usize,
    queue: Arc<Mutex<VecDeque<usize>>>,
}

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.queue.lock().unwrap().push_back(self.task);
    }
}

impl Executor {
    fn spawn(&mut self, task: impl Future<Output = ()> + Send + 'static) {
        self.woken.lock().unwrap().push_back(self.tasks.len());
        self.tasks.push(Some(Box::pin(task)));
    }

    /// Polls until nobody was woken any more; how many tasks are left over.
    fn run(&mut self) -> usize {
        loop {
            let Some(number) = self.woken.lock().unwrap().pop_front() else { break };
            let waker = Waker::from(Arc::new(Woken { task: number, queue: Arc::clone(&self.woken) }));
            let Some(task) = &mut self.tasks[number] else { continue };
            if task.as_mut().poll(&mut Context::from_waker(&waker)).is_ready() {
                self.tasks[number] = None;
            }
        }
        self.tasks.iter().flatten().count()
    }
}

/// Lets the other tasks run once.
async fn pause() {
    let mut paused = false;
    std::future::poll_fn(|context| {
        if std::mem::replace(&mut paused, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

async fn lock(owner: &mut Owner, number: i64) -> Result<(), LockError> {
    match owner.request(row(number), Update, How::Wait)? {
        Outcome::Granted => Ok(()),
        Outcome::Wait(ticket) => ticket.await,
    }
}

#[test]
fn tasks_of_one_thread_take_turns_in_the_order_they_asked() {
    let (locks, order) = (Locks::default(), Arc::new(Mutex::new(Vec::new())));
    let mut executor = Executor::default();
    for name in 0..5 {
        let (locks, order) = (locks.clone(), Arc::clone(&order));
        executor.spawn(async move {
            let mut owner = locks.async_owner();
            lock(&mut owner, 1).await.unwrap();
            pause().await;
            order.lock().unwrap().push(name);
        });
    }
    assert_eq!(executor.run(), 0);
    assert_eq!(*order.lock().unwrap(), [0, 1, 2, 3, 4]);
    assert_eq!(locks.lockers(), 0);
}

#[test]
fn of_two_tasks_that_would_wait_for_each_other_one_gets_an_error() {
    let (locks, outcomes) = (Locks::default(), Arc::new(Mutex::new(Vec::new())));
    let mut executor = Executor::default();
    for (first, second) in [(1, 2), (2, 1)] {
        let (locks, outcomes) = (locks.clone(), Arc::clone(&outcomes));
        executor.spawn(async move {
            let mut owner = locks.async_owner();
            lock(&mut owner, first).await.unwrap();
            pause().await;
            let outcome = lock(&mut owner, second).await;
            outcomes.lock().unwrap().push(outcome.is_ok());
        });
    }
    assert_eq!(executor.run(), 0);
    assert_eq!(*outcomes.lock().unwrap(), [false, true]);
}

#[test]
fn a_task_that_is_cancelled_leaves_the_queue() {
    let locks = Locks::default();
    let (mut holder, mut cancelled, mut behind) =
        (locks.async_owner(), locks.async_owner(), locks.async_owner());
    take(&mut holder, row(1), Share);
    let mut executor = Executor::default();
    executor.spawn(async move { lock(&mut cancelled, 1).await.unwrap() });
    assert_eq!(executor.run(), 1);
    let ticket = queue(&mut behind, row(1), Share);
    executor.spawn(async move { ticket.await.unwrap() });
    assert_eq!(executor.run(), 2);
    executor.tasks[0] = None;
    assert_eq!(executor.run(), 0, "the one behind was not woken");
    assert_eq!(locks.lockers(), 2);
}

#[test]
fn a_deadline_is_a_race_with_a_timer_and_the_loser_gives_up() {
    let locks = Locks::default();
    let (mut holder, mut late) = (locks.async_owner(), locks.async_owner());
    take(&mut holder, row(1), Update);
    let mut timer = pin!(async {
        for _ in 0..3 {
            pause().await;
        }
    });
    let mut ticket = queue(&mut late, row(1), Update);
    let mut context = Context::from_waker(Waker::noop());
    let error = loop {
        assert!(Pin::new(&mut ticket).poll(&mut context).is_pending());
        if timer.as_mut().poll(&mut context).is_ready() {
            break ticket.give_up().unwrap_err();
        }
    };
    assert!(matches!(error, LockError::Timeout { blockers, .. } if blockers == [holder.id()]));
}

#[test]
fn a_thread_and_a_task_wait_in_one_queue() {
    let locks = Locks::default();
    let mut task_owner = locks.async_owner();
    take(&mut task_owner, row(1), Update);
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            let mut owner = locks.owner();
            queue(&mut owner, row(1), Update).wait(None).unwrap();
        });
        while locks.waiting() == 0 {
            std::thread::sleep(Duration::from_micros(50));
        }
        let mut executor = Executor::default();
        executor.spawn(async move {
            pause().await;
            drop(task_owner);
        });
        assert_eq!(executor.run(), 0);
        thread.join().unwrap();
    });
    assert_eq!(locks.lockers(), 0);
}
