use super::{Cursor, EpochIterator, IteratorState, IteratorStateError};
use crate::datasets::{BatchDataset, Dataset};
use parking_lot::Mutex;
use std::{
    collections::VecDeque,
    fmt,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, Sender, SyncSender, channel, sync_channel},
    },
    thread::{self, JoinHandle},
};

type Make<D, B> = Arc<dyn Fn(&D, &[usize], u64) -> B + Send + Sync>;

struct Job<B> {
    indices: Vec<usize>,
    /// Examples that were ordered before it.
    place: u64,
    done: SyncSender<thread::Result<B>>,
}

/// Makes batches on worker threads, ahead of the caller, in the same order as
/// [`SerialIterator`](super::SerialIterator).
///
/// At most [`prefetch`](MultithreadIterator::prefetch) batches are made ahead. A panic while a batch is made reaches
/// the caller of `next` as a panic; the batch after it can then be asked for. Dropped, it waits for the batches that
/// are being made and ends its threads.
///
/// ```
/// use catena::datasets::iterators::{EpochIterator, MultithreadIterator};
/// let mut batches = MultithreadIterator::new(100, 32).repeat(false).shuffle(true, 1).threads(2);
/// let mut all: Vec<usize> = batches.by_ref().flatten().collect();
/// all.sort();
/// assert_eq!(all, (0..100).collect::<Vec<_>>());
/// assert_eq!(batches.epoch(), 1);
/// ```
pub struct MultithreadIterator<D: Dataset, B = Vec<<D as Dataset>::Item>> {
    dataset: Arc<D>,
    make: Make<D, B>,
    /// After the batch that was handed out last.
    cursor: Cursor,
    /// After the batch that was ordered last.
    ahead: Cursor,
    pending: VecDeque<(Cursor, Receiver<thread::Result<B>>)>,
    threads: usize,
    prefetch: usize,
    workers: Option<Workers<B>>,
}

struct Workers<B> {
    jobs: Option<Sender<Job<B>>>,
    stop: Arc<AtomicBool>,
    handles: Vec<JoinHandle<()>>,
}

impl<D> MultithreadIterator<D>
where
    D: Dataset + Send + Sync + 'static,
    D::Item: Send + 'static,
{
    /// Lists of `batch_size` examples.
    ///
    /// # Panics
    /// Where the batch size is zero.
    #[track_caller]
    pub fn new(dataset: D, batch_size: usize) -> MultithreadIterator<D> {
        MultithreadIterator::with(dataset, batch_size, |d, indices| indices.iter().map(|&i| d.get(i)).collect())
    }
}

impl<D> MultithreadIterator<D, D::Batch>
where
    D: BatchDataset + Send + Sync + 'static,
    D::Batch: Send + 'static,
{
    /// Contiguous batches of `batch_size` examples.
    ///
    /// # Panics
    /// Where the batch size is zero.
    #[track_caller]
    pub fn batches(dataset: D, batch_size: usize) -> MultithreadIterator<D, D::Batch> {
        MultithreadIterator::with(dataset, batch_size, |d, indices| d.batch(indices))
    }
}

impl<D, B> MultithreadIterator<D, B>
where
    D: Dataset + Send + Sync + 'static,
    B: Send + 'static,
{
    /// Batches of `batch_size` examples as a function makes them, such as one that decodes and concatenates.
    ///
    /// # Panics
    /// Where the batch size is zero.
    #[track_caller]
    pub fn with(
        dataset: D,
        batch_size: usize,
        make: impl Fn(&D, &[usize]) -> B + Send + Sync + 'static,
    ) -> MultithreadIterator<D, B> {
        MultithreadIterator::with_place(dataset, batch_size, move |dataset, indices, _| make(dataset, indices))
    }

    /// As [`with`](MultithreadIterator::with), by a function that is also told how many examples come before the batch, from
    /// the beginning of the first epoch: a place in a stream of random numbers, which threads do not change.
    ///
    /// # Panics
    /// Where the batch size is zero.
    #[track_caller]
    pub fn with_place(
        dataset: D,
        batch_size: usize,
        make: impl Fn(&D, &[usize], u64) -> B + Send + Sync + 'static,
    ) -> MultithreadIterator<D, B> {
        let cursor = Cursor::new(dataset.len(), batch_size, true, Some(0));
        let threads = thread::available_parallelism().map_or(1, |n| n.get().min(4));
        MultithreadIterator {
            dataset: Arc::new(dataset),
            make: Arc::new(make),
            ahead: cursor.clone(),
            cursor,
            pending: VecDeque::new(),
            threads,
            prefetch: 2 * threads,
            workers: None,
        }
    }

    /// Whether to go on after the first epoch; begins anew.
    pub fn repeat(mut self, yes: bool) -> MultithreadIterator<D, B> {
        let cursor = self.cursor.clone().with_repeat(yes);
        self.begin_at(cursor);
        self
    }

    /// Whether each epoch has a random order of its own, which the seed decides; begins anew.
    pub fn shuffle(mut self, yes: bool, seed: u64) -> MultithreadIterator<D, B> {
        let cursor = self.cursor.clone().with_seed(yes.then_some(seed));
        self.begin_at(cursor);
        self
    }

    /// Number of worker threads, which start with the first batch; as many as the machine has cores, four at most,
    /// unless told otherwise.
    ///
    /// # Panics
    /// Where it is zero.
    #[track_caller]
    pub fn threads(mut self, n: usize) -> MultithreadIterator<D, B> {
        assert!(n > 0, "batches need at least 1 thread to make them");
        self.begin_at(self.cursor.clone());
        self.workers = None;
        self.threads = n;
        self
    }

    /// Number of batches made ahead; two for each thread unless told otherwise.
    ///
    /// # Panics
    /// Where it is zero.
    #[track_caller]
    pub fn prefetch(mut self, n: usize) -> MultithreadIterator<D, B> {
        assert!(n > 0, "at least 1 batch must be made ahead");
        self.prefetch = n;
        self
    }

    /// The dataset.
    pub fn dataset(&self) -> &D {
        &self.dataset
    }

    fn begin_at(&mut self, cursor: Cursor) {
        // Workers find nobody waiting for these and throw them away.
        self.pending.clear();
        self.ahead = cursor.clone();
        self.cursor = cursor;
    }

    fn order_ahead(&mut self) {
        while self.pending.len() < self.prefetch {
            let mut ahead = self.ahead.clone();
            let place = (ahead.epoch() * ahead.dataset_len() + ahead.current_position()) as u64;
            let Some(indices) = ahead.next_indices() else { return };
            self.ahead = ahead;
            let workers = self.workers.get_or_insert_with(|| Workers::start(self.threads, &self.dataset, &self.make));
            let (done, result) = sync_channel(1);
            let jobs = workers.jobs.as_ref().expect("taken only when dropped");
            jobs.send(Job { indices, place, done }).expect("workers wait for jobs until they are dropped");
            self.pending.push_back((self.ahead.clone(), result));
        }
    }
}

impl<B: Send + 'static> Workers<B> {
    fn start<D: Send + Sync + 'static>(n: usize, dataset: &Arc<D>, make: &Make<D, B>) -> Workers<B> {
        let (jobs, queue) = channel::<Job<B>>();
        let (queue, stop) = (Arc::new(Mutex::new(queue)), Arc::new(AtomicBool::new(false)));
        let handles = (0..n)
            .map(|i| {
                let (dataset, make) = (dataset.clone(), make.clone());
                let (queue, stop) = (queue.clone(), stop.clone());
                let work = move || {
                    loop {
                        // Only the lock's holder waits for a job; it lets go before it works.
                        let Ok(job) = ({ queue.lock().recv() }) else { return };
                        if stop.load(Ordering::Relaxed) {
                            return;
                        }
                        let made = catch_unwind(AssertUnwindSafe(|| make(&dataset, &job.indices, job.place)));
                        // Nobody waits where the iterator was reset.
                        let _ = job.done.send(made);
                    }
                };
                thread::Builder::new().name(format!("batches-{i}")).spawn(work).expect("a thread to make batches on")
            })
            .collect();
        Workers { jobs: Some(jobs), stop, handles }
    }
}

impl<B> Drop for Workers<B> {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.jobs = None;
        for handle in self.handles.drain(..) {
            // Panics were caught on the way; a second panic here would abort.
            let _ = handle.join();
        }
    }
}

impl<D, B> Iterator for MultithreadIterator<D, B>
where
    D: Dataset + Send + Sync + 'static,
    B: Send + 'static,
{
    type Item = B;

    fn next(&mut self) -> Option<B> {
        self.order_ahead();
        let Some((cursor, result)) = self.pending.pop_front() else {
            // Nothing is left to order: the end, which the cursor takes note of.
            self.cursor.next_indices();
            return None;
        };
        let made = result.recv().expect("every job is answered");
        self.cursor = cursor;
        match made {
            Ok(batch) => {
                // Keeps the workers busy while the caller uses this one.
                self.order_ahead();
                Some(batch)
            }
            Err(panic) => resume_unwind(panic),
        }
    }
}

impl<D, B> EpochIterator for MultithreadIterator<D, B>
where
    D: Dataset + Send + Sync + 'static,
    B: Send + 'static,
{
    fn cursor(&self) -> &Cursor {
        &self.cursor
    }

    fn restore(&mut self, state: &IteratorState) -> Result<(), IteratorStateError> {
        let mut cursor = self.cursor.clone();
        cursor.restore(state)?;
        self.begin_at(cursor);
        Ok(())
    }

    fn reset(&mut self) {
        let mut cursor = self.cursor.clone();
        cursor.reset();
        self.begin_at(cursor);
    }
}

impl<D: Dataset, B> fmt::Debug for MultithreadIterator<D, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MultithreadIterator")
            .field("cursor", &self.cursor)
            .field("threads", &self.threads)
            .field("prefetch", &self.prefetch)
            .finish_non_exhaustive()
    }
}
