import { DatabaseSync } from '@photostructure/sqlite';

/**
 * Locks an SQLite file for the rest of this process's life: against whoever writes, and where nobody has it open yet
 * against whoever reads as well.
 */
export function holdLock(path: string, from: 'writers' | 'everybody', held: () => void): void {
  const attempt = (): void => {
    const database = new DatabaseSync(path, { timeout: 100 });
    try {
      if (from === 'everybody') database.exec('pragma locking_mode = exclusive');
      database.exec('begin exclusive');
      held();
      setInterval(() => database.isTransaction, 60_000);
    } catch {
      database.close();
      setTimeout(attempt, 10);
    }
  };
  attempt();
}
