/** How command lines are judged. */
export interface CommandPolicy {
  /** `deny-list`: what no rule names is allowed. `allow-list`: what no allow rule covers, or cannot be told, is asked. */
  mode: 'deny-list' | 'allow-list';
  /**
   * Each rule is the first words of a command (`git push`, `npm run *`; `*` is any one word, a trailing `*` in a word any
   * ending). In deny-list mode an allow rule lifts an ask, never a deny.
   */
  allow: readonly string[];
  ask: readonly string[];
  deny: readonly string[];
}

/** Ends or takes over the machine, or acts as another user. */
const DENIED: readonly string[] = [
  'sudo',
  'sudoedit',
  'su',
  'doas',
  'pkexec',
  'runuser',
  'visudo',
  'passwd',
  'chpasswd',
  'useradd',
  'adduser',
  'usermod',
  'userdel',
  'deluser',
  'groupadd',
  'groupmod',
  'shutdown',
  'reboot',
  'halt',
  'poweroff',
  'telinit',
  'init 0',
  'init 6',
  'systemctl poweroff',
  'systemctl reboot',
  'systemctl halt',
  'systemctl kexec',
  'mkfs*',
  'mke2fs',
  'mkswap',
  'fdisk',
  'sfdisk',
  'cfdisk',
  'gdisk',
  'parted',
  'wipefs',
  'blkdiscard',
  'swapoff',
  'insmod',
  'rmmod',
  'modprobe',
  'kexec',
  'iptables',
  'ip6tables',
  'nft',
  'setenforce',
  'nsenter',
  'chroot',
  'pivot_root',
  'sysctl -w',
  'debugfs',
  'efibootmgr',
  'grub-install',
];

/** Reaches beyond the workspace, or cannot be taken back. */
const ASKED: readonly string[] = [
  'systemctl',
  'service',
  'crontab',
  'at',
  'batch',
  'mount',
  'umount',
  'unshare',
  'pkill',
  'killall',
  'nc',
  'ncat',
  'netcat',
  'socat',
  'telnet',
  'ssh',
  'scp',
  'sftp',
  'npm publish',
  'npm unpublish',
  'npm login',
  'npm token',
  'yarn publish',
  'pnpm publish',
  'cargo publish',
  'twine upload',
  'gem push',
  'docker push',
  'podman push',
  'docker login',
  'gh auth',
  'gh release',
  'gh repo delete',
  'git push --force',
  'git push -f',
  'git push --mirror',
  'git push --delete',
  'kubectl delete',
  'kubectl apply',
  'terraform apply',
  'terraform destroy',
  'aws',
  'gcloud',
  'az',
  'ptrace',
  'strace',
  'gdb',
  'ltrace',
];

/** The policy in force unless a deployment sets another. */
export const DEFAULT_COMMAND_POLICY: CommandPolicy = {
  mode: 'deny-list',
  allow: [],
  ask: ASKED,
  deny: DENIED,
};

/** Looks, but changes nothing: the commands whose effect is known are allowed, everything else is asked. */
export const READ_ONLY_COMMAND_POLICY: CommandPolicy = {
  mode: 'allow-list',
  allow: [],
  ask: ASKED,
  deny: DENIED,
};

/** Whether the words begin with the rule's words. */
export function matchesRule(rule: string, words: readonly (string | null)[]): boolean {
  return rule.split(' ').every((part, index) => {
    const word = words[index];
    if (word === undefined || word === null) return false;
    if (part === '*') return true;
    return part.endsWith('*') ? word.startsWith(part.slice(0, -1)) : word === part;
  });
}
