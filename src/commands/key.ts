import { Failure } from '../base/failure.js';
import { keyName } from '../config/public-key.js';
import { writeSecret } from '../disk/file.js';
import { newKey } from '../protocol/signature.js';
import { type Command, textOption } from './terminal/command.js';

export const keyCommand: Command = {
	name: 'key',
	summary:
		'Makes a key to sign requests with: writes its private half to a file that its owner alone may read, and prints what the configuration of a box says of it (control.signed.keys).',
	positionals: ['NAME'],
	options: { out: { value: 'FILE', summary: 'where the private half goes; by default NAME.pem' } },
	run: async (args, context) => {
		const [name = ''] = args.positionals;
		if (!keyName.test(name))
			throw new Failure(
				'usage',
				`"${name}" is no name of a key`,
				'Letters, digits, "-" and "_", at most 64.',
			);
		const file = textOption(args, 'out') ?? `${name}.pem`;
		const { privatePem, publicKey } = newKey();
		await writeSecret(file, privatePem);
		context.note(`The private key is in "${file}": keep it where only you can read it, and never on a box.`);
		context.print(`${name}: ${publicKey}`);
	},
};
