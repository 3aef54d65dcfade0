import { reasonOf } from './failure.js';

/** What the file system answers, wherever it is asked. */
const STATES: Readonly<Record<string, string>> = {
	EACCES: 'permission denied',
	EBUSY: 'something else holds it',
	EDQUOT: 'the quota of this user is used up',
	EEXIST: 'a file stands there',
	EIO: 'the disk fails',
	EISDIR: 'it is a folder',
	ELOOP: 'it is a link that leads back to itself',
	EMFILE: 'this process has too many files open',
	ENAMETOOLONG: 'its name is too long',
	ENFILE: 'this machine has too many files open',
	ENOENT: 'there is no such file',
	ENOSPC: 'the disk is full',
	ENOTDIR: 'a file stands in its way',
	EPERM: 'it belongs to another user',
	EROFS: 'the disk can only be read',
	ESTALE: 'the server that it lies on has lost it',
	ERR_FS_FILE_TOO_LARGE: 'it is larger than 2 GB',
};

/** What the file system threw, in words: those of the place that asked first, then those for all. */
export function fileState(thrown: unknown, own: Readonly<Record<string, string>> = {}): string {
	const code = (thrown as NodeJS.ErrnoException | undefined)?.code ?? '';
	return own[code] ?? STATES[code] ?? reasonOf(thrown);
}
