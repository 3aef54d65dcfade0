import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Failure } from '../../src/base/failure.js';
import { PRECISIONS } from '../../src/base/precision.js';
import { argumentsFor, type Order, RELEASES } from '../../src/trtexec/arguments.js';
import { documentedIn, isSwitch, valueFault } from './stand-in-options.js';

const orders = suite('the arguments of trtexec');

const order: Order = {
	version: '10.3.0',
	precision: 'fp16',
	onnx: '/c/a model, = here.onnx',
	engine: '/c/model.engine',
	timingCache: '/c/timing.cache',
	halfNodes: ['Conv_1', 'Relu_2'],
};

/** One of each row, and the ends of each. */
const versions = [
	'8.5.0',
	'8.5.2',
	'8.6.1',
	'8.6.2',
	'9.0.1',
	'9.3.0',
	'10.0.1',
	'10.3.0',
	'10.7.0',
	'10.13.3',
	'10.16.0',
];

for (const version of versions) {
	for (const precision of PRECISIONS) {
		orders(
			`are all known to TensorRT ${version} for ${precision}, each given once, with a value it takes`,
			() => {
				const known = documentedIn(version);
				const given = argumentsFor({ ...order, version, precision }).map((one) => {
					const at = one.indexOf('=');
					return at === -1 ? ([one, ''] as const) : ([one.slice(0, at), one.slice(at + 1)] as const);
				});
				for (const [option, value] of given) {
					assert.ok(known.has(option), option);
					assert.is(isSwitch(option), value === '', option);
					assert.is(valueFault(option, value), undefined);
				}
				const names = given.map(([option]) => option);
				assert.is(new Set(names).size, names.length);
				assert.ok(names.includes('--noTF32'));
				assert.is(names.filter((one) => ['--buildOnly', '--skipInference'].includes(one)).length, 1);
			},
		);
	}
}

for (const [version, precision, types] of [
	['8.5.2', 'fp32', []],
	['8.6.1', 'int8', ['--int8']],
	[
		'8.6.1',
		'fp16',
		[
			'--fp16',
			'--precisionConstraints=obey',
			'--layerPrecisions=*:fp32,Conv_1:fp16,Relu_2:fp16',
			'--layerOutputTypes=*:fp32,Conv_1:fp16,Relu_2:fp16',
		],
	],
	['9.1.0', 'fp16', ['--stronglyTyped']],
	['10.3.0', 'fp32', ['--stronglyTyped']],
	['10.3.0', 'fp16', ['--stronglyTyped']],
	['10.13.3', 'int8', ['--stronglyTyped']],
] as const) {
	orders(`keep what is float32 in float32 on TensorRT ${version} in ${precision}`, () => {
		const given = argumentsFor({ ...order, version, precision });
		const about = /^--(fp16|int8|best|stronglyTyped|precisionConstraints|layerPrecisions|layerOutputTypes)/;
		assert.equal(
			given.filter((one) => about.test(one)),
			types,
		);
	});
}

for (const version of ['8.4.3', '7.1.3', '11.0.0', '5.0', '', 'x']) {
	orders(`are not made for TensorRT "${version}"`, () => {
		assert.throws(
			() => argumentsFor({ ...order, version }),
			(thrown: unknown) => thrown instanceof Failure && /TensorRT 8.5 to 10/.test(thrown.message),
		);
	});
}

for (const node of ['a:b', 'a,b', '', "it's", '*']) {
	orders(`refuse a node "${node}" where layers are told by name, and need no names elsewhere`, () => {
		const of = { ...order, halfNodes: [node] };
		assert.throws(
			() => argumentsFor({ ...of, version: '8.6.1' }),
			(thrown: unknown) => thrown instanceof Failure && thrown.code === 'engine-failed',
		);
		argumentsFor({ ...of, version: '10.3.0' });
		argumentsFor({ ...of, version: '8.6.1', precision: 'int8' });
	});
}

orders('refuse more names than one argument can hold', () => {
	const halfNodes = Array.from({ length: 20_000 }, (_, i) => `Conv_${i}`);
	assert.throws(
		() => argumentsFor({ ...order, version: '8.5.2', halfNodes }),
		/more than its trtexec can be told/,
	);
});

orders('stand in a table without holes and without overlaps', () => {
	for (const [i, { below }] of RELEASES.slice(0, -1).entries()) assert.equal(below, RELEASES[i + 1]!.from);
});

orders.run();
