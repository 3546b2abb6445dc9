//! The engine on a fake model: every rule of scheduling, cancelling and overflow, without llama.cpp.

use std::collections::{HashMap, HashSet, VecDeque};
use std::rc::Rc;
use std::time::Duration;

use chaku_llama::SeqId;
use parking_lot::Mutex;

use super::*;
use crate::event::FinishReason;
use crate::priority::Priority;
use crate::request::{Shared, Ticket};
use crate::runtime::job::Answer;
use crate::runtime::queue::Prepare;
use crate::runtime::sequences::SessionId;
use crate::runtime::watch::CLOCK_EVERY;
use crate::runtime::worker::run_engine;
use crate::terms::Terms;

const END: Token = 0;

const ONE_PLACE: Settings = Settings { max_running: 1, ..SETTINGS };

const SETTINGS: Settings =
    Settings { max_running: 8, share: true, step_target: Duration::from_millis(50), prompt_cache: 1 << 20 };

/// The parts of each decode: sequence and tokens.
type Log = Arc<Mutex<Vec<Vec<(SeqId, usize)>>>>;

/// Its KV cache has cells, which sequences may share; it says what its script says.
struct Fake {
    /// By sequence, the cells in order.
    sequences: HashMap<SeqId, Vec<Rc<Token>>>,
    capacity: usize,
    window: usize,
    chunk: usize,
    /// The memory can drop and share a part of a sequence.
    parts: bool,
    shiftable: bool,
    /// A decode with this token fails.
    hates: Option<Token>,
    log: Log,
    /// Tokens of a decode that may have logits.
    rows: usize,
    /// The parts of the last decode: tokens, and whether all have logits.
    last: Vec<(Vec<Token>, bool)>,
    /// Called inside each decode, where a real model would be asking whether to abort.
    during_decode: Box<dyn FnMut()>,
}

impl Fake {
    fn length(&self, sequence: SeqId) -> usize {
        self.sequences.get(&sequence).map_or(0, Vec::len)
    }

    fn tokens(&self, sequence: SeqId) -> Vec<Token> {
        self.sequences.get(&sequence).into_iter().flatten().map(|cell| **cell).collect()
    }

    fn used(&self) -> usize {
        let cells: HashSet<*const Token> = self.sequences.values().flatten().map(Rc::as_ptr).collect();
        cells.len()
    }

    fn append(&mut self, sequence: SeqId, tokens: &[Token]) {
        self.sequences.entry(sequence).or_default().extend(tokens.iter().map(|token| Rc::new(*token)));
        assert!(self.used() <= self.capacity, "the pool is never exceeded");
    }
}

impl Backend for Fake {
    type Sampler = VecDeque<Token>;

    fn capacity(&self) -> usize {
        self.capacity
    }

    fn window(&self) -> usize {
        self.window
    }

    fn threads(&self) -> u32 {
        1
    }

    fn chunk(&self) -> usize {
        self.chunk
    }

    fn decode(&mut self, parts: &[Part<'_>], abort: &dyn Fn() -> bool) -> Result<Outcome> {
        let tokens: usize = parts.iter().map(|part| part.tokens.len()).sum();
        assert!(tokens <= self.chunk && parts.iter().all(|part| !part.tokens.is_empty()));
        let sequences: HashSet<SeqId> = parts.iter().map(|part| part.sequence).collect();
        assert_eq!(sequences.len(), parts.len(), "a sequence has one part");
        for part in parts {
            assert_eq!(self.length(part.sequence), part.position, "positions have no gap");
        }
        if parts.iter().any(|part| part.tokens.iter().any(|token| Some(*token) == self.hates)) {
            return Err(Error::new(Reason::DecodeFailed, "a token it hates"));
        }
        (self.during_decode)();
        if (0..CLOCK_EVERY).any(|_| abort()) {
            return Ok(Outcome::Aborted);
        }
        for part in parts {
            self.append(part.sequence, part.tokens);
        }
        let rows: usize =
            parts.iter().map(|part| if part.every { part.tokens.len() } else { part.output.into() }).sum();
        assert!(rows <= self.rows, "{rows} rows of logits");
        self.last = parts.iter().map(|part| (part.tokens.to_vec(), part.every)).collect();
        self.log.lock().push(parts.iter().map(|part| (part.sequence, part.tokens.len())).collect());
        Ok(Outcome::Done)
    }

    fn sample(&mut self, script: &mut VecDeque<Token>, _: usize) -> Result<Sampled> {
        Ok(script.pop_front().unwrap_or(END).into())
    }

    fn outputs(&self) -> usize {
        self.rows
    }

    /// The last token of the part, so that a test sees whose they are.
    fn logits(&self, part: usize) -> Result<Vec<f32>> {
        Ok(self.last[part].0.last().map(|token| *token as f32).into_iter().collect())
    }

    fn sample_from(&mut self, script: &mut VecDeque<Token>, _: &[f32]) -> Option<Result<Sampled>> {
        Some(self.sample(script, 0))
    }

    /// Its score is the token before it.
    fn score(&self, part: usize, back: usize, token: Token, _: usize) -> Result<Sampled> {
        let (tokens, every) = &self.last[part];
        assert!(every, "it has no logits");
        Ok(Sampled { logprob: Some(f64::from(tokens[tokens.len() - 1 - back])), ..Sampled::from(token) })
    }

    fn truncate(&mut self, sequence: SeqId, length: usize) -> bool {
        let possible = self.parts || length == 0 || length >= self.length(sequence);
        if possible {
            self.sequences.entry(sequence).or_default().truncate(length);
        }
        possible
    }

    fn clear(&mut self, sequence: SeqId) {
        self.sequences.remove(&sequence);
    }

    fn takes_parts(&self) -> bool {
        self.parts
    }

    fn share(&mut self, from: SeqId, to: SeqId, length: usize) -> bool {
        assert_eq!(self.length(to), 0, "only an empty sequence takes a copy");
        let possible = self.parts || length == self.length(from);
        if possible {
            let cells = self.sequences[&from][..length].to_vec();
            self.sequences.insert(to, cells);
        }
        possible
    }

    fn save(&mut self, sequence: SeqId) -> Option<Vec<u8>> {
        Some(self.tokens(sequence).iter().flat_map(|token| token.to_le_bytes()).collect())
    }

    fn restore(&mut self, sequence: SeqId, state: &[u8], _: usize) -> bool {
        assert_eq!(self.length(sequence), 0, "only an empty sequence takes a state");
        let tokens: Vec<Token> = state.chunks(4).map(|bytes| Token::from_le_bytes(bytes.try_into().unwrap())).collect();
        self.append(sequence, &tokens);
        true
    }

    fn shift(&mut self, sequence: SeqId, keep: usize, discard: usize) -> Result<()> {
        if !self.shiftable {
            return Err(Error::new(Reason::ShiftUnsupported, "no"));
        }
        let cells = self.sequences.entry(sequence).or_default();
        assert!(cells[keep + discard..].iter().all(|cell| Rc::strong_count(cell) == 1), "moved under another");
        cells.drain(keep..keep + discard);
        Ok(())
    }

    fn is_end(&self, token: Token) -> bool {
        token == END
    }

    fn bytes(&self, token: Token, _special: bool) -> Result<Vec<u8>> {
        Ok(vec![b'a' + (token % 26) as u8])
    }
}

struct House {
    engine: Engine<Fake>,
    control: Arc<Control>,
    log: Log,
}

/// A submitted job, seen from its reader and its session.
struct Asked {
    request: Arc<Shared>,
    answer: Arc<Mutex<Option<Answer>>>,
}

struct Spec<'a> {
    session: u64,
    prompt: &'a [Token],
    says: &'a [Token],
    stops: &'a [&'a str],
    max_tokens: usize,
    overflow: Overflow,
    keep: usize,
    deadline: Option<Duration>,
    queue: usize,
    priority: Priority,
    pauses: bool,
    scored: bool,
}

impl Spec<'_> {
    fn terms(&self) -> Terms {
        Terms { priority: self.priority, ..Terms::plain(self.queue, self.deadline) }
    }
}

const PLAIN: Spec<'static> = Spec {
    session: 1,
    prompt: &[1, 2, 3],
    says: &[4, 5],
    stops: &[],
    max_tokens: usize::MAX,
    overflow: Overflow::Error,
    keep: 0,
    deadline: None,
    queue: 1024,
    priority: Priority::Normal,
    pauses: false,
    scored: false,
};

impl House {
    fn new(capacity: usize, chunk: usize) -> Self {
        House::with(capacity, chunk, SETTINGS)
    }

    fn with(capacity: usize, chunk: usize, settings: Settings) -> Self {
        let log = Arc::new(Mutex::new(Vec::new()));
        let fake = Fake {
            sequences: HashMap::new(),
            capacity,
            window: capacity,
            chunk,
            parts: true,
            shiftable: true,
            hates: None,
            log: log.clone(),
            rows: settings.max_running,
            last: Vec::new(),
            during_decode: Box::new(|| {}),
        };
        let control = Control::new(64);
        House { engine: Engine::new(fake, control.clone(), settings), control, log }
    }

    fn ask(&mut self, spec: &Spec<'_>) -> Asked {
        let request = Shared::new("test", &spec.terms(), self.control.signal.clone(), None);
        self.control.admission.admit(request.clone(), Prepare::never()).unwrap();
        let answer = Arc::new(Mutex::new(None));
        let committed = answer.clone();
        self.engine.take(Job {
            request: Ticket::new(request.clone()),
            session: spec.session,
            group: 0,
            tokens: spec.prompt.to_vec(),
            prompt_tokens: spec.prompt.len(),
            keep: spec.keep,
            pauses: spec.pauses,
            prompt_logprobs: spec.scored.then_some(0),
            sampler: Some(spec.says.iter().copied().collect()),
            preserved: Vec::new(),
            answering: None,
            stops: spec.stops.iter().map(|stop| stop.to_string()).collect(),
            max_tokens: spec.max_tokens,
            overflow: spec.overflow,
            shifted: false,
            commit: Box::new(move |answer| assert!(committed.lock().replace(answer).is_none(), "committed twice")),
            prepare_time: Duration::ZERO,
            prepared_at: Instant::now(),
        });
        Asked { request, answer }
    }

    fn run(&mut self) {
        for _ in 0..100_000 {
            if let Turn::Idle(_) = self.engine.turn() {
                return;
            }
        }
        panic!("the engine never comes to rest");
    }

    /// The tokens of each decode.
    fn steps(&self) -> Vec<usize> {
        self.log.lock().iter().map(|parts| parts.iter().map(|(_, tokens)| tokens).sum()).collect()
    }
}

impl Asked {
    /// Reads what is there: the text, and the end if it came.
    fn read(&self) -> (String, Option<Arc<Final>>) {
        let mut text = String::new();
        while let Ok(Some(event)) = self.request.next(Some(Duration::ZERO)) {
            match event {
                Event::Text(piece) => text.push_str(&piece.text),
                Event::Final(end) => return (text, Some(end)),
                _ => {}
            }
        }
        (text, None)
    }

    fn end(&self) -> (String, Arc<Final>) {
        let (text, end) = self.read();
        (text, end.expect("the request has ended"))
    }

    fn reason(&self) -> FinishReason {
        self.end().1.finish_reason
    }
}

#[test]
fn a_request_is_prefilled_in_chunks_then_decoded_token_by_token() {
    let mut house = House::new(100, 4);
    let asked = house.ask(&Spec { prompt: &[9; 10], ..PLAIN });
    house.run();
    let (text, end) = asked.end();
    assert_eq!(text, "ef");
    assert_eq!(end.finish_reason, FinishReason::Stop);
    assert_eq!((end.usage.prompt_tokens, end.usage.cached_tokens, end.usage.completion_tokens), (10, 0, 3));
    assert_eq!(house.steps(), [4, 4, 2, 1, 1]);
}

#[test]
fn only_what_is_new_is_prefilled() {
    let mut house = House::new(100, 64);
    house.ask(&PLAIN);
    house.run();
    house.log.lock().clear();
    let second = house.ask(&Spec { prompt: &[1, 2, 3, 4, 5, 7, 8], ..PLAIN });
    house.run();
    assert_eq!(second.end().1.usage.cached_tokens, 5);
    assert_eq!(house.steps()[0], 2);
}

#[test]
fn a_memory_that_cannot_drop_a_part_is_computed_again_from_the_start() {
    let mut house = House::new(100, 64);
    house.engine.backend.parts = false;
    house.ask(&PLAIN);
    house.run();
    let second = house.ask(&Spec { prompt: &[1, 2, 9], ..PLAIN });
    house.run();
    let (text, end) = second.end();
    assert_eq!((text.as_str(), end.usage.cached_tokens), ("ef", 0));
}

#[test]
fn with_one_place_first_come_is_first_served() {
    let mut house = House::with(100, 64, ONE_PLACE);
    let first = house.ask(&Spec { session: 1, ..PLAIN });
    let second = house.ask(&Spec { session: 2, ..PLAIN });
    while !first.request.has_ended() {
        house.engine.turn();
        assert!(!second.request.has_ended());
    }
    house.run();
    assert_eq!(second.end().0, "ef");
}

#[test]
fn a_slow_reader_pauses_only_itself_and_loses_nothing() {
    let mut house = House::new(100, 64);
    let slow = house.ask(&Spec { session: 1, says: &[4; 20], queue: 4, ..PLAIN });
    let fast = house.ask(&Spec { session: 2, ..PLAIN });
    house.run();
    assert_eq!(fast.reason(), FinishReason::Stop);
    assert!(!slow.request.has_ended());
    let mut text = String::new();
    for _ in 0..20 {
        let (more, end) = slow.read();
        text.push_str(&more);
        if end.is_some() {
            break;
        }
        house.run();
    }
    assert_eq!(text, "e".repeat(20));
}

#[test]
fn cancel_in_the_queue_ends_at_once_and_commits_nothing() {
    let mut house = House::new(100, 64);
    let asked = house.ask(&PLAIN);
    asked.request.cancel();
    assert_eq!(asked.reason(), FinishReason::Cancelled);
    house.run();
    assert!(asked.answer.lock().is_none() && house.steps().is_empty());
}

#[test]
fn cancel_inside_prefill_aborts_the_step_and_the_session_goes_on() {
    let mut house = House::new(100, 64);
    let asked = house.ask(&PLAIN);
    let request = asked.request.clone();
    house.engine.backend.during_decode = Box::new(move || request.cancel());
    house.run();
    assert_eq!(asked.reason(), FinishReason::Cancelled);
    let answer = asked.answer.lock().take().unwrap();
    assert_eq!((answer.generated, answer.complete), (0, false));
    house.engine.backend.during_decode = Box::new(|| {});
    let next = house.ask(&PLAIN);
    house.run();
    assert_eq!(next.end().0, "ef");
}

#[test]
fn cancel_while_decoding_gives_the_partial_answer() {
    let mut house = House::new(100, 64);
    let asked = house.ask(&Spec { says: &[4; 20], ..PLAIN });
    for _ in 0..3 {
        house.engine.turn();
    }
    asked.request.cancel();
    house.run();
    let (text, end) = asked.end();
    assert_eq!((text.as_str(), end.finish_reason), ("eee", FinishReason::Cancelled));
    let answer = asked.answer.lock().take().unwrap();
    assert_eq!((answer.text.as_str(), answer.complete), ("eee", false));
}

#[test]
fn deadlines_hold_in_the_queue_and_in_decode() {
    let mut house = House::with(100, 64, ONE_PLACE);
    let running = house.ask(&Spec { session: 1, says: &[4; 50], deadline: Some(Duration::from_millis(30)), ..PLAIN });
    let queued = house.ask(&Spec { session: 2, deadline: Some(Duration::from_millis(10)), ..PLAIN });
    house.engine.backend.during_decode = Box::new(|| std::thread::sleep(Duration::from_millis(2)));
    house.run();
    assert_eq!(running.reason(), FinishReason::Deadline);
    let (text, end) = queued.end();
    assert_eq!((text.as_str(), end.finish_reason), ("", FinishReason::Deadline));
    assert!(queued.answer.lock().is_none());
}

#[test]
fn a_stop_string_over_two_tokens_ends_the_answer_and_does_not_leak() {
    let mut house = House::new(100, 64);
    let asked = house.ask(&Spec { says: &[1, 2, 3, 4], stops: &["cd"], ..PLAIN });
    house.run();
    let (text, end) = asked.end();
    assert_eq!((text.as_str(), end.finish_reason), ("b", FinishReason::Stop));
    assert!(!asked.answer.lock().as_ref().unwrap().exact);
}

#[test]
fn max_tokens_ends_with_length() {
    let mut house = House::new(100, 64);
    let asked = house.ask(&Spec { says: &[1, 2, 3, 4], max_tokens: 2, ..PLAIN });
    house.run();
    let (text, end) = asked.end();
    assert_eq!((text.as_str(), end.finish_reason), ("bc", FinishReason::Length));
}

#[test]
fn a_full_window_ends_as_the_overflow_policy_says() {
    for (overflow, reason) in [(Overflow::Error, FinishReason::Error), (Overflow::Stop, FinishReason::Length)] {
        let mut house = House::new(8, 64);
        let asked = house.ask(&Spec { says: &[4; 20], overflow, ..PLAIN });
        house.run();
        let (text, end) = asked.end();
        assert_eq!((text.len(), end.finish_reason), (6, reason));
        if let Some(error) = &end.error {
            assert_eq!(error.reason(), Reason::ContextOverflow);
        }
    }
}

#[test]
fn shift_keeps_the_beginning_and_goes_on() {
    let mut house = House::new(8, 64);
    let asked = house.ask(&Spec { says: &[4; 20], overflow: Overflow::Shift, keep: 2, ..PLAIN });
    house.run();
    let (text, end) = asked.end();
    assert_eq!((text.len(), end.finish_reason), (20, FinishReason::Stop));
    let answer = asked.answer.lock().take().unwrap();
    assert_eq!(answer.tokens[..2], [1, 2]);
    assert!(!answer.exact);
}

#[test]
fn shift_where_the_memory_cannot_is_a_typed_error() {
    let mut house = House::new(8, 64);
    house.engine.backend.shiftable = false;
    let asked = house.ask(&Spec { says: &[4; 20], overflow: Overflow::Shift, ..PLAIN });
    house.run();
    assert_eq!(asked.end().1.error.as_ref().unwrap().reason(), Reason::ShiftUnsupported);
}

#[test]
fn an_idle_session_gives_way_and_computes_again_later() {
    let mut house = House::with(10, 64, Settings { prompt_cache: 0, ..SETTINGS });
    house.ask(&Spec { session: 1, prompt: &[1; 6], ..PLAIN });
    house.run();
    house.ask(&Spec { session: 2, prompt: &[2; 6], ..PLAIN });
    house.run();
    let again = house.ask(&Spec { session: 1, prompt: &[1; 7], ..PLAIN });
    house.run();
    let (text, end) = again.end();
    assert_eq!((text.as_str(), end.usage.cached_tokens), ("ef", 0));
}

#[test]
fn a_closed_session_gives_its_sequence_back() {
    let mut house = House::new(100, 64);
    for session in 0..20 {
        let asked = house.ask(&Spec { session, ..PLAIN });
        house.run();
        assert_eq!(asked.reason(), FinishReason::Stop);
        house.control.session_closed(session);
    }
}

#[test]
fn requests_cancelled_while_another_runs_are_not_kept() {
    let mut house = House::new(100, 64);
    house.ask(&Spec { session: 1, says: &[4; 50], ..PLAIN });
    for _ in 0..10 {
        house.ask(&Spec { session: 2, ..PLAIN }).request.cancel();
        house.engine.turn();
    }
    assert!(house.engine.waiting.is_empty());
}

#[test]
fn a_job_that_is_lost_ends_its_request() {
    let mut house = House::new(100, 64);
    let asked = house.ask(&PLAIN);
    house.engine.waiting.clear();
    assert_eq!(asked.end().1.error.as_ref().unwrap().reason(), Reason::Panic);
}

#[test]
fn closing_ends_running_and_waiting_requests() {
    let mut house = House::with(100, 64, ONE_PLACE);
    let running = house.ask(&Spec { says: &[4; 20], ..PLAIN });
    let waiting = house.ask(&Spec { session: 2, ..PLAIN });
    for _ in 0..4 {
        house.engine.turn();
    }
    house.engine.end_all(&Error::new(Reason::ClosedWhileRunning, "closed"));
    assert_eq!((running.reason(), waiting.reason()), (FinishReason::Cancelled, FinishReason::Cancelled));
}

/// A small generator, so that a failure names its seed and nothing else is needed to repeat it.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 33) % limit
    }
}

#[path = "engine_fuzz.rs"]
mod fuzz;
#[path = "sharing_tests.rs"]
mod sharing;

#[test]
fn a_panic_ends_all_requests_and_the_model_says_why_it_takes_no_more() {
    let mut house = House::new(100, 8);
    house.engine.backend.during_decode = Box::new(|| panic!("boom"));
    let (running, waiting) = (house.ask(&PLAIN), house.ask(&Spec { session: 2, ..PLAIN }));
    let House { engine, control, .. } = house;
    run_engine(engine, &crossbeam_channel::never(), &control);
    for asked in [running, waiting] {
        let error = asked.end().1.error.clone().expect("it failed");
        assert_eq!(error.reason(), Reason::Panic);
        assert!(error.message().contains("boom"), "{}", error.message());
    }
    let late = Shared::new("test", &Terms::plain(4, None), control.signal.clone(), None);
    let refused = control.admission.admit(late, Prepare::never()).unwrap_err();
    for error in [refused, control.check_open().unwrap_err()] {
        assert_eq!(error.reason(), Reason::Poisoned);
        assert!(error.message().contains("boom"), "{}", error.message());
    }
}

#[test]
fn a_request_stands_still_until_its_host_has_seen_the_logits_and_others_go_on() {
    let mut house = House::new(100, 8);
    let paused = house.ask(&Spec { pauses: true, ..PLAIN });
    let other = house.ask(&Spec { session: 2, prompt: &[7, 8], ..PLAIN });
    let mut seen = Vec::new();
    for _ in 0..3 {
        house.run();
        let Ok(Some(Event::Logits(logits))) = paused.request.next(Some(Duration::ZERO)).map(|event| match event {
            Some(Event::Progress(_) | Event::Text(_)) => paused.request.next(Some(Duration::ZERO)).unwrap(),
            event => event,
        }) else {
            panic!("no logits");
        };
        seen.push((logits.position, logits.values.clone()));
        house.run();
        assert!(paused.request.next(Some(Duration::ZERO)).unwrap().is_none(), "it waits");
        paused.request.logits.answer(None).unwrap();
    }
    house.run();
    assert_eq!(seen, [(3, vec![3.0]), (4, vec![4.0]), (5, vec![5.0])]);
    assert_eq!(paused.reason(), FinishReason::Stop);
    assert_eq!(other.end().0, "ef");
}

#[test]
fn a_request_that_stands_still_gives_way_and_goes_on_from_its_logits() {
    let mut house = House::with(6, 8, ONE_PLACE);
    let paused = house.ask(&Spec { pauses: true, priority: Priority::Low, ..PLAIN });
    house.run();
    let other = house.ask(&Spec { session: 2, prompt: &[7, 8], ..PLAIN });
    house.run();
    assert_eq!(other.end().0, "ef", "the place of the one that stands still is taken");
    for _ in 0..3 {
        paused.request.logits.answer(None).unwrap();
        house.run();
    }
    assert_eq!(paused.end().0, "ef");
}

#[test]
fn a_request_that_stands_still_is_cancelled_and_expires() {
    let mut house = House::new(100, 8);
    let cancelled = house.ask(&Spec { pauses: true, ..PLAIN });
    house.run();
    cancelled.request.cancel();
    house.run();
    assert_eq!(cancelled.reason(), FinishReason::Cancelled);
    let late = house.ask(&Spec { pauses: true, deadline: Some(Duration::from_millis(1)), ..PLAIN });
    house.run();
    std::thread::sleep(Duration::from_millis(2));
    house.run();
    assert_eq!(late.reason(), FinishReason::Deadline);
}

#[test]
fn each_token_of_a_prompt_is_scored_after_the_one_before_it() {
    let settings = Settings { max_running: 3, ..SETTINGS };
    let mut house = House::with(100, 8, settings);
    // What others computed is of no use: it has no logits.
    house.ask(&Spec { session: 2, prompt: &[1, 2, 3, 4, 5, 6, 7], ..PLAIN });
    house.run();
    let scored = house.ask(&Spec { scored: true, prompt: &[1, 2, 3, 4, 5, 6, 7], ..PLAIN });
    house.run();
    let mut told = Vec::new();
    while let Ok(Some(event)) = scored.request.next(Some(Duration::ZERO)) {
        if let Event::Prompt(text) = event {
            told.push((text.token.unwrap(), text.logprob));
        }
    }
    let expected: Vec<_> = (1..=7).map(|token| (token, (token > 1).then(|| f64::from(token - 1)))).collect();
    assert_eq!(told, expected);
}
