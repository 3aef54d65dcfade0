import * as real from '../../src/ort/presence.js';

/** A STAND-IN: TensorRT is said to be here; of all else the truth. */
export const lackOf: typeof real.lackOf = (provider, place) =>
	provider === 'tensorrt' ? null : real.lackOf(provider, place);
