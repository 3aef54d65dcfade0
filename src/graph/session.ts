import type { Tensor } from './tensor.js';

export type Feeds = Readonly<Record<string, Tensor>>;

/** A graph ready to run. */
export type Session = {
	/** SHA-256 of the very bytes that the engine was given. */
	readonly sha256: string;
	/**
	 * Blocks the calling thread until the outputs are there; an output named in `into` is written to that tensor's memory,
	 * which no feed of the same run may share.
	 * @throws Failure model-failed
	 */
	run(feeds: Feeds, into?: Feeds): Promise<Readonly<Record<string, Tensor>>>;
	/**
	 * The execution providers that ran a node since the session was opened, by the engine's own record, which ends here. Of a session
	 * opened with `recorded` only.
	 * @throws Failure model-failed when there is no such record
	 */
	ranOn(): Promise<readonly string[]>;
	close(): Promise<void>;
};

export type SessionOptions = {
	readonly provider?: 'cpu' | 'cuda' | 'tensorrt';
	/** What failures call a model that is given as bytes. */
	readonly name?: string;
	/** Threads inside one operator; the default is one a core. */
	readonly threads?: number;
	/** Lays memory out once for all runs, which is a little faster; a large graph needs half as much again that way. Default true. */
	readonly memoryPlan?: boolean;
	/** Whether the engine writes down where each node runs, until `ranOn` is asked. Default false. */
	readonly recorded?: boolean;
};

/** Opens a model given by path or bytes. @throws Failure model-failed */
export type OpenSession = (model: string | Uint8Array, options: SessionOptions) => Promise<Session>;
