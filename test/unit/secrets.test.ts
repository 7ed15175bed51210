import { describe, expect, test } from 'vitest';
import { isSecret, SECRETS } from '../../src/completion/secrets.ts';

const check = (path: string, secret: boolean) => expect({ path, secret: isSecret(path) }).toEqual({ path, secret });

describe('secret is', () => {
  test.each([
    ['an environment', '.env .env.production .env.local.example prod.env .envrc .env-staging .env_test .flaskenv .dev.vars.production'],
    ['a key', 'server.pem tls.KEY id_ed25519 id_ed25519_sk.pub deploy_rsa release.jks app.keystore vault.kdbx a.p8 a.pkcs12 client.ovpn putty.ppk secring.gpg krb5.keytab ssh_host_rsa_key key.properties'],
    ['a login', '.npmrc .netrc _netrc .pypirc .htpasswd .pgpass .my.cnf .git-credentials .dockercfg .s3cfg .boto .yarnrc.yml .curlrc auth.json rclone.conf sftp-config.json wp-config.php .muttrc'],
    ['Terraform\'s', 'main.tfvars prod.auto.tfvars prod.tfvars.json terraform.tfstate terraform.tfstate.backup terraform.tfstate.1699999999.backup plan.tfplan .terraformrc'],
    ['a cloud\'s', 'application_default_credentials.json serviceAccountKey.json service-account-prod.json my-service_account.json app-firebase-adminsdk-x1y2.json client_secret_123.json google-services.json accessKeys.csv me_accessKeys.csv rootkey.csv azureProfile.json kubeconfig prod.kubeconfig kubeconfig.yaml x.publishsettings'],
    ['by its word', 'secrets.yaml secrets.ts .secrets credentials credentials.json aws-credentials.ini db.secret.yaml app-secrets.yml secret.json passwords.txt api_keys.json creds.yml .credentials.json credentials.yml.enc vault.yml'],
    ['a history', '.bash_history .zsh_history .history .zhistory .psql_history .mysql_history .python_history .node_repl_history .sqlite_history .irb_history fish_history .rediscli_history ConsoleHost_history.txt .Rhistory .lesshst .viminfo'],
  ])('%s', (_, names) => {
    for (const name of names.split(' ')) for (const folder of ['/w/', '/home/a/', 'C:\\w\\', '']) check(folder + name, true);
  });

  test.each([
    '/w/.git/config', '/w/.git/modules/lib/config', '/home/a/.config/gh/hosts.yml', '/home/a/.config/gcloud/credentials.db', '/w/secrets/db.yaml', '/w/k8s/secrets/prod/db.json', '/w/.secrets/token.txt', '/home/a/.aws/credentials', '/home/a/.aws/config',
    '/home/a/.docker/config.json', '/home/a/.kube/config', '/home/a/.kube/config.prod', '/home/a/.m2/settings.xml', '/home/a/.cargo/credentials.toml', '/home/a/.gem/credentials', '/home/a/.ssh/config', '/etc/shadow', '/home/a/.gnupg/x', '/w/group_vars/all/vault.yml', '/w/.terraform/environment',
    '/w/.vscode/mcp.json', '/home/a/.config/Code/User/settings.json', '/w/.idea/dataSources.local.xml', '/home/a/.terraform.d/credentials.tfrc.json',
  ])('%s', (path) => check(path, true));

  test('whatever is kept of one', () => {
    const kept = (name: string) => [
      `${name}~`, `${name}.~1~`, `${name}.bak`, `${name}.bak2`, `${name}.backup`, `${name}.old`, `${name}.orig`, `${name}.save`, `${name}.swp`, `.${name}.swp`, `.${name}.swo`, `#${name}#`, `.#${name}`, `${name}.tmp`, `${name}.1`, `${name}.20240131`, `${name}.rpmsave`, `${name}.dpkg-old`, `${name}.copy`, `${name} copy`, `${name} (1)`, `Copy of ${name}`, `${name}.bak~`,
    ];
    for (const name of ['.env', 'terraform.tfstate', 'id_rsa', 'credentials.json', '.npmrc', '.bash_history', 'server.key', 'secrets.yaml', 'main.tfvars', 'serviceAccountKey.json']) for (const copy of kept(name)) check(`/w/${copy}`, true);
    for (const name of ['credentials copy.json', 'credentials (1).json', 'credentials-old.json', 'credentials.bak.json', 'server copy 2.pem']) check(`/w/${name}`, true);
    check('/home/a/.aws/credentials.bak', true);
    check('/w/.git/config~', true);
  });
});

test.each([
  'environment.ts environment.prod.ts env.ts env.d.ts env.py config.ts config.json settings.json package.json tsconfig.json key.ts keys.ts keyboard.ts monkey.py credentials.ts credential.go Credentials.java secret.ts secret.rs secretService.ts token.ts tokens.ts tokens.json tokenizer.py password.ts Password.vue passwordInput.tsx',
  'history.ts history.js useHistory.ts HISTORY.md auth.ts auth.py authorized.go main.tf variables.tf terraform.ts docker-compose.yml Dockerfile .gitignore .gitattributes .eslintrc .prettierrc .editorconfig .bashrc .zshrc .vimrc .profile Makefile vault.ts vault.go kube.ts service-account.ts serviceAccount.go client.ts apiKey.ts api_key.rb backup.sh old.ts copy.ts a.bak a.orig shadow.css',
  'rsa.ts id.ts pem.py state.ts tfstate.go gcp.ts azure.ts aws.ts secretsManager.ts my-secrets.ts',
])('ordinary files stay allowed: %s', (names) => {
  for (const name of names.split(' ')) check(`/w/src/${name}`, false);
});

test.each(['/w/src/secrets/index.ts', '/w/src/credentials/login.ts', '/w/.vscode/launch.json', '/w/.github/workflows/ci.yml', '/w/.config/app.json', '/w/ssh/a.ts', '/w/git/config', '/w/src/user/settings.ts', '/w/.docker/Dockerfile', '/w/config/database.yml', 'Untitled-1', ''])('%j stays allowed', (path) => check(path, false));

test('no pattern has more alternatives than are told apart', () => {
  // A pattern whose braces are taken as they are matches its own text and nothing else.
  for (const pattern of SECRETS) if (pattern.includes('{')) expect(pattern.match(/\{[^{}]*\}/g)!.reduce((n, braces) => n * braces.split(',').length, 1)).toBeLessThanOrEqual(64);
});
