import type { Provider } from '../base/provider.js';
import type { Tensor } from './tensor.js';

export type Feeds = Readonly<Record<string, Tensor>>;

/** A graph ready to run. */
export type Session = {
	/** SHA-256 of the very bytes that the engine was given; of TensorRT's engine where it was opened through one. */
	readonly sha256: string;
	/** Of the model of one node around TensorRT's engine. */
	readonly wrapper?: string;
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

/** A model of one node around an engine that TensorRT has built: both are paths, the model names the engine by a relative one. */
export type EngineFiles = { readonly wrapper: string; readonly engine: string };

export type SessionOptions = {
	readonly provider?: Provider;
	/** What failures call a model that is given as bytes. */
	readonly name?: string;
	/** Threads inside one operator; the default is one a core. */
	readonly threads?: number;
	/** Lays memory out once for all runs, which is a little faster; a large graph needs half as much again that way. Default true. */
	readonly memoryPlan?: boolean;
	/** Whether the engine writes down where each node runs, until `ranOn` is asked. Default false. */
	readonly recorded?: boolean;
};

/** Opens a model given by path or bytes, or TensorRT's engine. @throws Failure model-failed, engine-invalid */
export type OpenSession = (
	model: string | Uint8Array | EngineFiles,
	options: SessionOptions,
) => Promise<Session>;
