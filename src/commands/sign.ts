import { randomBytes } from 'node:crypto';
import { Failure } from '../base/failure.js';
import { masked } from '../base/secrets.js';
import { writeSecret } from '../disk/file.js';
import { askedIn, refuseUnreadable } from './terminal/asked.js';
import { type Command, textOption } from './terminal/command.js';
import { signedRequest } from './terminal/signing.js';

export const signCommand: Command = {
	name: 'sign',
	summary:
		'Signs a request on a machine that need not reach the box: prints what is to be published. It is for one box, one time, and not for long (control.signed.windowS).',
	positionals: ['NAME', '[JSON|key=value…]'],
	options: {
		box: { value: 'NAME', summary: 'the box that is asked' },
		key: { value: 'FILE', summary: 'the private key (inspectord key)' },
		signer: { value: 'NAME', summary: 'its name on the box; by default that of the file' },
		id: { value: 'ID', summary: 'of the request; by default a new one' },
		out: { value: 'FILE', summary: 'write it to a new file, also where it holds a password' },
	},
	run: async (args, context) => {
		const [name = '', ...words] = args.positionals;
		const [box, key, out] = ['box', 'key', 'out'].map((option) => textOption(args, option));
		if (box === undefined)
			throw new Failure('usage', 'It is not said for which box', 'Give its name with --box NAME.');
		if (key === undefined)
			throw new Failure('usage', 'It is not said by which key', 'Give its file with --key FILE.');
		const id = textOption(args, 'id') ?? randomBytes(6).toString('hex');
		const ask = askedIn(name, words);
		refuseUnreadable(name, { ...ask, id });
		const request = await signedRequest(box, name, { ...ask, id }, key, args);
		if (out !== undefined) {
			await writeSecret(out, `${JSON.stringify(request)}\n`);
			context.note(`Written to "${out}".`);
			return;
		}
		if (!isOpen(ask))
			throw new Failure(
				'usage',
				'It holds a password, and none is ever printed',
				'Have it written with --out FILE.',
			);
		context.print(request);
	},
};

/** Whether each text in it may be shown as it is. */
function isOpen(value: unknown): boolean {
	if (typeof value === 'string') return masked(value) === value;
	return typeof value !== 'object' || value === null || Object.values(value).every(isOpen);
}
