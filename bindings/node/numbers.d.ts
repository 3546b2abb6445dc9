// What chaku tells about itself: plans, numbers, timelines.

/** Memory in bytes, windows in tokens. */
export interface Plan {
  readonly devices: readonly DevicePlan[];
  /** Of all devices together. */
  readonly total: number;
  /** What computed prompts may take later, at most. Not in the total. */
  readonly promptCache: number;
  /** What is left of the runtime's `memoryBudget`; null = it has none. */
  readonly available: number | null;
  /** Whether that is enough. True without a budget. */
  readonly fits: boolean;
  /** The window of a session. */
  readonly ctxSize: number;
  /** What the KV cache holds, of all sessions together. */
  readonly kvPool: number;
  /** Requests computed at once. */
  readonly maxRunning: number;
  /** Layers on GPUs. */
  readonly gpuLayers: number;
}

/** A device's part of a plan, in bytes. */
export interface DevicePlan {
  readonly name: string;
  readonly weights: number;
  /** The KV cache, of each token. */
  readonly kvPerToken: number;
  readonly kvTotal: number;
  /** What is computed with. */
  readonly compute: number;
  /** Vocabulary, tables, logits: an estimate. */
  readonly other: number;
  readonly total: number;
}

/** Numbers of a model, or of all models of a runtime. Totals only grow; rates are means over the last five seconds. */
export interface Metrics {
  readonly models: number;
  readonly sessions: number;
  /** Requests that wait to start. */
  readonly queueDepth: number;
  /** Requests that have started and have not ended. */
  readonly requestsRunning: number;
  /** Of these, requests that nothing is computed for: they gave way, or nobody reads them. */
  readonly requestsPaused: number;
  /** Prompt tokens computed. */
  readonly promptTokensTotal: number;
  readonly generatedTokensTotal: number;
  /** Prompt tokens that were computed before. */
  readonly cachedTokensTotal: number;
  readonly promptTokensPerSecond: number;
  readonly generatedTokensPerSecond: number;
  /** Tokens that the KV cache holds. */
  readonly kvUsedTokens: number;
  /** Tokens that it can hold. */
  readonly kvCapacityTokens: number;
  /** Calls of the model, for several requests at once. */
  readonly stepsTotal: number;
  readonly stepSecondsTotal: number;
  readonly stepsPerSecond: number;
  /** Milliseconds of one, lately. */
  readonly stepMs: number;
  /** Compute threads in use. */
  readonly threads: number;
  readonly cancelledTotal: number;
  readonly deadlineExceededTotal: number;
  /** Requests that were refused or displaced because too many waited. */
  readonly overloadTotal: number;
  /** Sequences that lost their place in the KV cache. */
  readonly evictionsTotal: number;
  /** Running requests that gave way to others. */
  readonly preemptionsTotal: number;
  readonly promptCacheBytes: number;
  /** Requests that found a part of their prompt there. */
  readonly promptCacheHitsTotal: number;
}

/** When a request got how far, in milliseconds since the call; null as long as it has not come so far. */
export interface Timeline {
  /** It began to wait for its turn. */
  readonly queuedMs: number | null;
  /** Template and tokenizer began. */
  readonly prepareBeganMs: number | null;
  /** Its tokens were known. */
  readonly preparedMs: number | null;
  /** The engine took it in. */
  readonly startedMs: number | null;
  readonly firstTokenMs: number | null;
  readonly endedMs: number | null;
  /** How often it gave way to others. */
  readonly preempted: number;
  /** How often it went on after that. */
  readonly resumed: number;
  /** How often it was passed over, since its events were not read. */
  readonly stalled: number;
}
