import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { float32, zeros } from '../../src/graph/tensor.js';
import { paperAdam } from '../../src/model/adam.js';
import { architectures } from '../../src/model/architecture.js';
import { stepProgram } from '../../src/model/step.js';
import { checkStudent } from '../../src/model/student.js';
import { initialWeights, Weights } from '../../src/model/weights.js';

const students = suite('students from elsewhere');

function checkpoint(rename: (name: string) => string = (name) => name): Weights {
	const { parameters, statistics } = stepProgram(architectures.pocket, paperAdam, 2, 64);
	const weights = initialWeights(parameters, 1);
	for (const { name, length } of statistics) weights.set(name, zeros([length]));
	return new Weights([...weights.entries()].map(([name, tensor]) => [rename(name), tensor]));
}

students('are taken in the names of published checkpoints, without what these hold beside', () => {
	const plain = checkpoint();
	const published = checkpoint((name) => name.replace(/^(bn|decoder)\./, '$1.module.'));
	published.set('bn.module.conv4.weight', float32([1], [1]));
	published.set('bn.module.bn4.running_mean', float32([1], [1]));
	const found = checkStudent(published, 'pocket');
	assert.equal(found.names().sort(), plain.names().sort());
	assert.is(
		checkStudent(
			checkpoint((name) => `module.${name}`),
			'pocket',
		).names().length,
		plain.names().length,
	);
});

students('of another network are refused with the tensor that tells', () => {
	assert.throws(
		() => checkStudent(checkpoint(), 'resnet18'),
		/"bn.conv1.weight" is \[64,32,3,3\], not the \[128,64,3,3\]/,
	);
	const partial = new Weights(
		[...checkpoint().entries()].filter(([name]) => name !== 'decoder.layer2.1.bn1.bias'),
	);
	assert.throws(() => checkStudent(partial, 'pocket'), /no tensor "decoder.layer2.1.bn1.bias"/);
	const more = checkpoint();
	more.set('decoder.layer3.2.conv1.weight', float32([1], [1]));
	assert.throws(
		() => checkStudent(more, 'pocket'),
		/a tensor "decoder.layer3.2.conv1.weight", which no student/,
	);
});

students.run();
