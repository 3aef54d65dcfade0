import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { bindingFailure } from '../../src/opencv/binding.js';
import { temporaryFolder } from '../tiny-bundle.js';

const bindings = suite('a binding that cannot be loaded');

bindings('was built for another Node: says which, and what to do', async () => {
	await using folder = await temporaryFolder();
	const path = join(folder.path, 'x.node');
	await writeFile(path, Buffer.from('\x7fELF\0\xffnode_register_module_v115\0\xff', 'latin1'));
	const here = process.versions.node.split('.')[0];
	for (const [reason, built] of [
		[`Module did not self-register: '${path}'.`, 'Node 20'],
		[
			"The module '/x.node'\nwas compiled against a different Node.js version using\nNODE_MODULE_VERSION 127. This version of Node.js requires\nNODE_MODULE_VERSION 137.",
			'Node 22',
		],
		['was compiled … using\nNODE_MODULE_VERSION 999.', 'Node with interface 999'],
	] as const) {
		const failure = bindingFailure(new Error(reason));
		assert.is(failure.code, 'library-unusable');
		assert.is(
			failure.message,
			`Cannot load the binding to OpenCV: it was built for ${built}, this is Node ${here}`,
		);
		assert.match(failure.advice!, /Run npm start/);
	}
});

for (const [what, thrown, state] of [
	[
		'a library is missing',
		new Error('libopencv_core.so.406: cannot open shared object file: No such file'),
		/libopencv_core\.so\.406: cannot open/,
	],
	[
		'it was never built',
		new Error("Cannot find module 'opencv4nodejs'\nRequire stack:\n- /x.js"),
		/: Cannot find module 'opencv4nodejs'$/,
	],
	[
		'nobody knows for which',
		new Error("Module did not self-register: '/absent.node'."),
		/did not self-register/,
	],
	['it throws a text', 'no luck', /: no luck$/],
] as const) {
	bindings(`tells in one line why: ${what}`, () => {
		const { message } = bindingFailure(thrown);
		assert.match(message, state);
		assert.not.match(message, /\n/);
	});
}

bindings.run();
