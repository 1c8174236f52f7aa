import { sealedColumns } from '../../connections/sealed-columns.ts';
import { openKeyringFrom } from '../../keyring/keyring-source.ts';
import { sealAnew } from '../../vault/seal-anew.ts';
import { openVaultFile } from '../../vault/vault-file.ts';

// A process of its own: node seal-anew.fixture.ts VAULT KEYRING
const [vaultFile = '', file = ''] = process.argv.slice(2);
const keyring = await openKeyringFrom({ env: {}, file, make: false });
process.stdout.write('ready\n');
sealAnew(openVaultFile({ file: vaultFile, keyring }), keyring, sealedColumns);
