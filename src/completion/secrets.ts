// Files that hold passwords, tokens and keys, or what somebody typed: they are never completed in, and never stand beside another file.
//
// Facts from maintained lists, with the siblings of what they name: the file names of secret scanners (shhgit and gitrob with their descendants,
// gitleaks, Whispers), GitHub's templates for .gitignore (Terraform, Android, Rails, Composer), what assistants ignore unasked (Cursor, Aider), and the manuals
// of the tools that write the files.
import { globMatcher } from './glob.ts';

/** Endings of data, as opposed to source code: what is called `credentials.ts` reads them from elsewhere. */
const DATA = '{yml,yaml,json,jsonc,json5,toml,ini,env,xml,properties,txt,conf,cfg,csv,plist,enc}';

const ENVIRONMENTS = ['.env', '.env.*', '*.env', '.env-*', '.env_*', '.envrc', '.envrc.*', '.flaskenv', '.dev.vars', '.dev.vars.*'];

const KEYS = [
  '*.{pem,key,p8,p12,p15,pfx,pkcs8,pkcs12,jks,jceks,bks,keystore,keyring,keychain,keytab,kdbx,kdb,ppk,asc,gpg,pgp,agekey,age,ovpn,psafe3,agilekeychain,bek,mobileprovision}',
  'id_{rsa,dsa,ecdsa,ed25519,ecdsa_sk,ed25519_sk,xmss}*', '*{_,.}{rsa,dsa,ecdsa,ed25519}', '*_key', 'otr.private_key', '{key,keystore,signing}.properties', 'secring.*', 'wallet.dat', '{private_keys,private-keys,privatekeys,keyrings,keychains}/**',
];

/** What tools log in with. */
const LOGINS = [
  '{.,_}netrc', '{,.}{npmrc,yarnrc,yarnrc.yml,pnpmrc,pypirc,pgpass,pgpass.conf,my.cnf,mylogin.cnf,htpasswd,htdigest,git-credentials,vault-token,vault_pass,vault_pass.txt,boto,s3cfg,passwd-s3fs,dockercfg,tugboat,terraformrc,databrickscfg,snowsql,msmtprc,fetchmailrc,muttrc}',
  '.{curlrc,wgetrc,gitconfig,hgrc,ftpconfig,remote-sync.json}', '.{pip/pip.conf,bundle/config,gem/credentials,composer/auth.json,cargo/credentials,cargo/credentials.toml,m2/settings.xml,m2/settings-security.xml,gradle/gradle.properties,nuget/nuget.config,terraform.d/credentials.tfrc.json,pulumi/credentials.json}',
  '.config/{gcloud,gh,glab-cli,hub,op,rclone,doctl,heroku,configstore,github-copilot,netlify,stripe,sops,age}/**', '.config/hub', 'auth.json', 'terraform.rc', 'rclone.conf', 'kaggle.json', 'logins.json', 'key{3,4}.db', 'signons.sqlite', 'sftp-config.json', 'filezilla.xml', 'recentservers.xml', 'sitemanager.xml', 'winscp.ini', 'hub/config',
  'wp-config.php', 'localsettings.php', 'local.properties', 'hudson.util.secret', 'master.key', 'secret_token.rb', '*.secret.exs', 'jenkins.plugins.publish_over_ssh.*', 'etc/{shadow,shadow-,gshadow,gshadow-,sudoers}', '.git/{config,config.worktree,credentials,fetch_head}', '.git/modules/**/config', '.git-credential-cache/**', '.hg/hgrc', '.{svn,subversion}/auth/**',
  '.{ssh,gnupg,aws,azure,gcloud,oci,aliyun,bluemix,ibmcloud,password-store,putty,purple,mozilla,thunderbird}/**', '.kube/{config,config.*}', '.docker/config.json', '{,.}dockerconfigjson', '*.dockerconfigjson',
];

const CLOUD = [
  'application_default_credentials.json', `*{service-account,service_account,serviceaccount}.${DATA}`, `{service-account,service_account,serviceaccount}*.${DATA}`, '*{service-account,service_account,serviceaccount}{-,_,}key*.json', '*firebase-adminsdk*.json', 'google-services.json', 'googleservice-info.plist', '*client{_,-,}secret*.json', '{gcp,gcloud}*.json',
  '{,*_,*-}accesskeys.csv', 'rootkey.csv', '*.publishsettings', '*.cscfg', '{azureprofile,accesstokens}.json', 'msal_token_cache.*', '.chalice/config.json', '*.rdp',
];

const INFRASTRUCTURE = [
  '*.tfvars', '*.tfvars.json', '*.tfstate', '*.tfstate.*', '*.tfplan', '.terraform/**', '{,*.,*-}kubeconfig', '{,*.,*-}kubeconfig.*', 'kube.config', 'talosconfig', '{,*.,*-,*_}vault.{yml,yaml,json}', '{group_vars,host_vars}/**/vault*',
];

/** Files and folders that say so themselves. */
const BY_THEIR_WORD = [
  'secrets.*', '{,.}secrets', '.secret', '*.{secret,secrets}', `{,.}secret.${DATA}`, `.secrets.${DATA}`, ...['.', '-', '_'].flatMap((joint) => [`*${joint}secret.${DATA}`, `*${joint}secrets.${DATA}`, `*${joint}credentials.${DATA}`, `*${joint}creds.${DATA}`]),
  '{,.}credentials', ...['credential', 'credentials', 'creds', 'password', 'passwords', 'passwd', 'apikey', 'apikeys', 'api_key', 'api_keys', 'api-key', 'api-keys'].map((word) => `{,.}${word}.${DATA}`), 'credentials.yml.enc',
  `{secrets,.secrets}/**/*.${DATA}`, '{secrets,.secrets}/**/*.{crt,cer,der}',
];

/** What was typed, into a shell or to a database. */
const HISTORIES = ['{,.}*{_,-}{history,hist}', '{,.}{history,zhistory,histfile,viminfo,lesshst,fish_history}', '.{dbshell,rhistory,mongorc.js}', '.bash_sessions/**', '.zsh_sessions/**', '*_history.txt', '.{bash,zsh,sh,mysql,psql,sqlite,python,node_repl,rediscli,irb,pry}*history*'];

const EDITORS = [
  '.vscode/{settings.json,mcp.json,sftp.json}', '.cursor/mcp.json', 'claude_desktop_config.json', '*.code-workspace', '{User,Machine}/settings.json', 'User/{keybindings,mcp}.json', 'User/profiles/*/*.json', '.idea/{datasources.xml,datasources.local.xml,webservers.xml,workspace.xml}', '.idea/datasources/**',
];

/** Always refused, by file name or by folder. */
export const SECRETS: readonly string[] = [...ENVIRONMENTS, ...KEYS, ...LOGINS, ...CLOUD, ...INFRASTRUCTURE, ...BY_THEIR_WORD, ...HISTORIES, ...EDITORS];

const isListed = globMatcher(SECRETS);

/** What editors, merges and packagers add to the name of an old or an unfinished copy: `.env~`, `#.env#`, `.#.env`, `.secrets.json.swp`, `key.pem.bak`, `credentials copy.json`. */
const ADDED = [
  /~$|\.~\d+~$|#$/, /\.(?:bak\d*|backup|old|orig|original|save|saved|copy|tmp|temp|sw[a-z]|un~|rej|prev|previous|rpmsave|rpmnew|rpmorig|dpkg-\w+|ucf-\w+|gpg|enc|zip|gz|\d{1,14})$/i, /(?:[-_ ]copy(?: ?\d+)?| \(\d+\)|[-_.](?:bak|backup|old|orig))$/i,
  /(?:[-_ ]copy(?: ?\d+)?| \(\d+\)|[-_.](?:bak|backup|old|orig))(?=\.\w+$)/i, /^\.?#|^\.(?=.)|^copy of |^~\$/i,
];
const MOST_NAMES = 32;
/** Answers that are kept: a path is asked about at each keystroke. */
const MOST_KNOWN = 512;
const known = new Map<string, boolean>();

/** Whether a file by its path, `/` or `\` between names, may hold secrets; a kept copy is as secret as what it was copied from. */
export function isSecret(path: string): boolean {
  let secret = known.get(path);
  if (secret === undefined) {
    if (known.size >= MOST_KNOWN) known.clear();
    known.set(path, (secret = mayHoldSecrets(path)));
  }
  return secret;
}

function mayHoldSecrets(path: string): boolean {
  const at = Math.max(path.lastIndexOf('/'), path.lastIndexOf('\\')) + 1;
  const names = [path.slice(at)];
  for (let i = 0; i < names.length && names.length < MOST_NAMES; i++) {
    if (isListed(path.slice(0, at) + names[i])) return true;
    for (const added of ADDED) {
      const bare = names[i].replace(added, '');
      if (bare !== '' && !names.includes(bare)) names.push(bare);
    }
  }
  return false;
}
