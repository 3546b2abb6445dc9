//! The engine under random arrivals, cancels, deadlines, slow readers, closed sessions, failing and aborted decodes, on
//! memories of every kind. After each turn the mirror of the KV cache must be the KV cache; at the end each request must
//! have ended once, after its commit, with a prefix of its script.

use super::*;

/// The fake model, on a bad day: decodes fail, find no room, or stop half way.
struct Wild {
    inner: Fake,
    random: Random,
}

impl Wild {
    /// A part of the step reaches the KV cache.
    fn half(&mut self, parts: &[Part<'_>]) {
        for part in parts {
            self.inner.append(part.sequence, &part.tokens[..part.tokens.len() / 2]);
        }
    }
}

impl Backend for Wild {
    type Sampler = VecDeque<Token>;

    fn capacity(&self) -> usize {
        self.inner.capacity
    }

    fn threads(&self) -> u32 {
        1
    }

    fn chunk(&self) -> usize {
        self.inner.chunk
    }

    fn window(&self) -> usize {
        self.inner.window
    }

    fn decode(&mut self, parts: &[Part<'_>], abort: &dyn Fn() -> bool) -> Result<Outcome> {
        match self.random.below(20) {
            0 => {
                self.half(parts);
                return Err(Error::new(Reason::DecodeFailed, "a bad day"));
            }
            1 => return Ok(Outcome::NoSpace),
            _ => {}
        }
        if (0..CLOCK_EVERY).any(|_| abort()) {
            self.half(parts);
            return Ok(Outcome::Aborted);
        }
        self.inner.decode(parts, abort)
    }

    fn sample(&mut self, script: &mut VecDeque<Token>, part: usize) -> Result<Sampled> {
        self.inner.sample(script, part)
    }

    fn outputs(&self) -> usize {
        self.inner.outputs()
    }

    fn logits(&self, part: usize) -> Result<Vec<f32>> {
        self.inner.logits(part)
    }

    fn sample_from(&mut self, script: &mut VecDeque<Token>, logits: &[f32]) -> Option<Result<Sampled>> {
        (self.random.below(3) != 0).then(|| self.inner.sample_from(script, logits))?
    }

    fn score(&self, part: usize, back: usize, token: Token, top: usize) -> Result<Sampled> {
        self.inner.score(part, back, token, top)
    }

    fn truncate(&mut self, sequence: SeqId, length: usize) -> bool {
        self.inner.truncate(sequence, length)
    }

    fn clear(&mut self, sequence: SeqId) {
        self.inner.clear(sequence);
    }

    fn takes_parts(&self) -> bool {
        self.inner.takes_parts()
    }

    fn share(&mut self, from: SeqId, to: SeqId, length: usize) -> bool {
        self.random.below(10) != 0 && self.inner.share(from, to, length)
    }

    fn save(&mut self, sequence: SeqId) -> Option<Vec<u8>> {
        (self.random.below(10) != 0).then(|| self.inner.save(sequence))?
    }

    fn restore(&mut self, sequence: SeqId, state: &[u8], length: usize) -> bool {
        self.random.below(10) != 0 && self.inner.restore(sequence, state, length)
    }

    fn shift(&mut self, sequence: SeqId, keep: usize, discard: usize) -> Result<()> {
        self.inner.shift(sequence, keep, discard)
    }

    fn is_end(&self, token: Token) -> bool {
        self.inner.is_end(token)
    }

    fn bytes(&self, token: Token, special: bool) -> Result<Vec<u8>> {
        self.inner.bytes(token, special)
    }
}

struct World {
    seed: u64,
    random: Random,
    engine: Engine<Wild>,
    control: Arc<Control>,
    open: Vec<Open>,
    sessions: Vec<SessionId>,
    next_session: SessionId,
}

/// A request somebody reads.
struct Open {
    request: Arc<Shared>,
    session: SessionId,
    /// What the model will say, and of it what was read.
    script: String,
    read: String,
    /// The prompt, if it is to be scored, and of it what was.
    scored: Option<Vec<Token>>,
    told: Vec<Token>,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut random = Random(seed);
        let fake = Fake {
            sequences: HashMap::new(),
            capacity: 24 + random.below(24) as usize,
            window: 24,
            chunk: 1 + random.below(6) as usize,
            parts: !seed.is_multiple_of(3),
            shiftable: seed.is_multiple_of(2),
            hates: None,
            log: Arc::default(),
            rows: 0,
            last: Vec::new(),
            during_decode: Box::new(|| {}),
        };
        let control = Control::new(8);
        let prompt_cache = if seed.is_multiple_of(5) { 0 } else { 400 };
        let settings = Settings { max_running: 1 + random.below(4) as usize, prompt_cache, ..SETTINGS };
        let fake = Fake { rows: settings.max_running, ..fake };
        let engine = Engine::new(Wild { inner: fake, random: Random(seed + 7) }, control.clone(), settings);
        World { seed, random, engine, control, open: Vec::new(), sessions: Vec::new(), next_session: 0 }
    }

    fn act(&mut self) {
        match self.random.below(12) {
            0 | 1 => self.ask(),
            2 => {
                let which = self.random.below(4) as usize;
                self.open.get(which).inspect(|open| open.request.cancel());
            }
            3 | 4 => self.read_all(),
            5 => self.close_a_session(),
            _ => {
                self.engine.turn();
            }
        }
    }

    fn ask(&mut self) {
        if self.sessions.len() < 4 {
            self.sessions.push(self.next_session);
            self.next_session += 1;
        }
        let session = self.sessions[self.random.below(self.sessions.len() as u64) as usize];
        if self.open.iter().any(|open| open.session == session && !open.request.has_ended()) {
            return;
        }
        let random = &mut self.random;
        let prompt: Vec<Token> = (0..1 + random.below(23)).map(|_| 1 + random.below(2) as Token).collect();
        let says: VecDeque<Token> = (0..random.below(60)).map(|_| 1 + random.below(3) as Token).collect();
        let deadline = (random.below(9) == 0).then(|| Duration::from_micros(random.below(300)));
        let priority = [Priority::Low, Priority::Normal, Priority::High][random.below(3) as usize];
        let terms = Terms { priority, ..Terms::plain(1 + random.below(6) as usize, deadline) };
        let request = Shared::new("test", &terms, self.control.signal.clone(), None);
        if self.control.admission.admit(request.clone(), Prepare::never()).is_err() {
            return;
        }
        let script = says.iter().map(|token| char::from(b'a' + *token as u8)).collect();
        let committed = (Mutex::new(false), request.clone());
        let goal = prompt.len();
        let scored = (random.below(5) == 0).then(|| prompt.clone());
        self.engine.take(Job {
            request: Ticket::new(request.clone()),
            session,
            group: random.below(10) / 9,
            prompt_tokens: goal,
            tokens: prompt,
            keep: random.below(goal as u64 + 1) as usize,
            pauses: random.below(5) == 0,
            prompt_logprobs: scored.as_ref().map(|_| 0),
            sampler: (random.below(6) != 0).then_some(says),
            preserved: Vec::new(),
            answering: None,
            stops: if random.below(3) == 0 { vec!["bb".into()] } else { Vec::new() },
            max_tokens: if random.below(4) == 0 { 1 + random.below(5) as usize } else { usize::MAX },
            overflow: [Overflow::Stop, Overflow::Error, Overflow::Shift][random.below(3) as usize],
            shifted: false,
            commit: Box::new(move |_| {
                assert!(!committed.1.has_ended(), "the session is told before the reader");
                assert!(!std::mem::replace(&mut *committed.0.lock(), true), "committed twice");
            }),
            prepare_time: Duration::ZERO,
            prepared_at: Instant::now(),
        });
        self.open.push(Open { request, session, script, read: String::new(), scored, told: Vec::new() });
    }

    fn read_all(&mut self) {
        let seed = self.seed;
        self.open.retain_mut(|open| {
            while let Ok(Some(event)) = open.request.next(Some(Duration::ZERO)) {
                match event {
                    Event::Text(piece) => open.read.push_str(&piece.text),
                    Event::Prompt(piece) => open.told.push(piece.token.unwrap()),
                    Event::Logits(_) => open.request.logits.answer(None).unwrap(),
                    Event::Final(end) => {
                        let after = open.request.next(Some(Duration::ZERO));
                        assert!(matches!(after, Err(error) if error.reason() == Reason::Finished), "seed {seed}");
                        assert!(open.script.starts_with(&open.read), "seed {seed}: {} of {}", open.read, open.script);
                        let scored = open.scored.take().unwrap_or_default();
                        assert!(scored.starts_with(&open.told), "seed {seed}: {:?} of {scored:?}", open.told);
                        assert!(end.error.is_some() || scored == open.told, "seed {seed}: {:?}", open.told);
                        return false;
                    }
                    _ => {}
                }
            }
            true
        });
    }

    fn close_a_session(&mut self) {
        if self.sessions.is_empty() || self.random.below(3) != 0 {
            return;
        }
        let index = self.random.below(self.sessions.len() as u64) as usize;
        let session = self.sessions[index];
        if self.open.iter().all(|open| open.session != session || open.request.has_ended()) {
            self.sessions.remove(index);
            self.control.session_closed(session);
        }
    }

    fn check_mirror(&mut self) {
        let Engine { backend, sequences, prompt_cache, running, .. } = &self.engine;
        let seed = self.seed;
        for sequence in 0..4.min(backend.inner.sequences.keys().max().map_or(0, |most| most + 1)) {
            assert_eq!(backend.inner.tokens(sequence), sequences.prefixes.tokens(sequence), "seed {seed}: {sequence}");
        }
        assert_eq!(backend.inner.used(), sequences.prefixes.used(), "seed {seed}: shared cells count once");
        assert!(prompt_cache.used() <= 400, "seed {seed}");
        for running in running.values().filter(|running| !running.parked) {
            assert!(sequences.of(running.job.session).is_some(), "seed {seed}: it runs and has no sequence");
        }
    }

    fn finish(&mut self) {
        for _ in 0..200 {
            for _ in 0..10_000 {
                if let Turn::Idle(_) = self.engine.turn() {
                    break;
                }
            }
            self.read_all();
        }
        assert!(self.open.is_empty(), "seed {}: {} requests never ended", self.seed, self.open.len());
    }
}

#[test]
fn the_mirror_is_true_and_every_request_ends_once() {
    for seed in 0..1000 {
        let mut world = World::new(seed);
        for _ in 0..400 {
            world.act();
            world.check_mirror();
        }
        world.finish();
    }
}
