import { deflateRawSync } from 'node:zlib';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Graph } from '../../src/graph/graph.js';
import { encodeOnnx } from '../../src/graph/onnx.js';
import { float32 } from '../../src/graph/tensor.js';
import { inInt8 } from '../../src/model/int8.js';
import { PROBE_SHAPE, PRODUCTS, productProbe } from '../../src/model/product-probe.js';

const probe = suite('the probe of products in int8');

const CHANNELS = 16;

/** One convolution as `inInt8` writes it. */
function written(): Uint8Array {
	const graph = new Graph();
	const x = graph.input('ones', 'float32', PROBE_SHAPE);
	const weight = float32([CHANNELS, PRODUCTS, 1, 1], new Float32Array(CHANNELS * PRODUCTS).fill(1));
	const bias = float32([CHANNELS], new Float32Array(CHANNELS));
	const range = { input: 1, convolved: PRODUCTS, output: PRODUCTS };
	const units = inInt8(new Map([['probe', range]]))(graph, () => ({ weight, bias }));
	const unit = { conv: 'probe', norm: '', channels: CHANNELS, kernel: 1, stride: 1, relu: false };
	graph.output(units(x, unit), 'sum');
	return encodeOnnx(graph, 'probe');
}

probe('is a convolution as bundles in int8 have them', () => {
	const wanted = written();
	const text = deflateRawSync(wanted, { level: 9 }).toString('base64');
	assert.ok(Buffer.from(productProbe().model).equals(wanted), `MODEL is ${text}`);
});

probe.run();
