//! Where objects live while C holds their handles: slots with generations, in shards that threads rarely share.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;

/// Names a slot, and which of the slot's successive objects is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Key {
    pub(crate) index: u32,
    pub(crate) generation: u32,
}

/// How many of each the handle's bits can name.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) slots: u32,
    pub(crate) generations: u32,
}

/// All live objects of one type. The lock of a shard is held for a few loads and stores, never while an object is
/// dropped: dropping may call back into this table.
pub(crate) struct Table<T> {
    shards: [Mutex<Shard<T>>; SHARDS],
    limits: Limits,
    /// The generation of a new slot.
    first_generation: u32,
}

/// A cache line or two of its own, so that threads at work in two shards do not slow each other down.
#[repr(align(128))]
struct Shard<T> {
    slots: Vec<Slot<T>>,
    /// Invariant: exactly the slots that are empty and whose generations are not used up.
    free: Vec<u32>,
}

struct Slot<T> {
    /// Invariant: grows by one each time the slot is emptied, so an old key never fits again.
    generation: u32,
    /// A call on the object panicked: only `remove` finds it.
    poisoned: bool,
    object: Option<Arc<T>>,
}

impl<T> Table<T> {
    pub(crate) const fn new(limits: Limits, first_generation: u32) -> Self {
        let shards = [const { Mutex::new(Shard { slots: Vec::new(), free: Vec::new() }) }; SHARDS];
        Table { shards, limits, first_generation }
    }

    /// Stores an object, in this thread's shard if there is room; `None` when every slot is taken or used up.
    pub(crate) fn insert(&self, object: Arc<T>) -> Option<Key> {
        let (mine, mut object) = (shard_of_this_thread(), Some(object));
        (0..SHARDS).map(|step| (mine + step) % SHARDS).find_map(|number| {
            let mut shard = self.shards[number].lock();
            let slot = shard.free_slot(self.limits.slots as usize / SHARDS, self.first_generation)?;
            let entry = &mut shard.slots[slot as usize];
            entry.object = object.take();
            Some(Key { index: slot * SHARDS as u32 + number as u32, generation: entry.generation })
        })
    }

    /// The object, if this very one is still there and not poisoned.
    pub(crate) fn get(&self, key: Key) -> Option<Arc<T>> {
        let (number, slot) = place(key);
        let shard = self.shards[number].lock();
        let entry = shard.slots.get(slot)?;
        if entry.generation == key.generation && !entry.poisoned { entry.object.clone() } else { None }
    }

    /// Lets nobody have the object any more, except to remove it.
    pub(crate) fn poison(&self, key: Key) {
        let (number, slot) = place(key);
        if let Some(entry) = self.shards[number].lock().slots.get_mut(slot) {
            entry.poisoned |= entry.generation == key.generation && entry.object.is_some();
        }
    }

    pub(crate) fn is_poisoned(&self, key: Key) -> bool {
        let (number, slot) = place(key);
        let shard = self.shards[number].lock();
        shard.slots.get(slot).is_some_and(|entry| entry.poisoned && entry.generation == key.generation)
    }

    /// Takes the object out; its key, and every copy of it, is stale from now on.
    pub(crate) fn remove(&self, key: Key) -> Option<Arc<T>> {
        let (number, slot) = place(key);
        let mut shard = self.shards[number].lock();
        let entry = shard.slots.get_mut(slot)?;
        if entry.generation != key.generation {
            return None;
        }
        let object = entry.object.take()?;
        entry.poisoned = false;
        // A slot whose generations are used up is retired: its last key must stay stale for ever.
        if entry.generation + 1 < self.limits.generations {
            entry.generation += 1;
            shard.free.push(slot as u32);
        }
        Some(object)
    }
}

impl<T> Shard<T> {
    /// An empty slot, perhaps a new one.
    fn free_slot(&mut self, most: usize, generation: u32) -> Option<u32> {
        if let Some(slot) = self.free.pop() {
            return Some(slot);
        }
        if self.slots.len() >= most {
            return None;
        }
        self.slots.push(Slot { generation, poisoned: false, object: None });
        Some(self.slots.len() as u32 - 1)
    }
}

fn place(key: Key) -> (usize, usize) {
    (key.index as usize % SHARDS, key.index as usize / SHARDS)
}

/// Threads take shards in turn. A reader's events come and go in one shard, which stays in its core's cache.
fn shard_of_this_thread() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static MINE: Cell<usize> = const { Cell::new(usize::MAX) };
    }
    MINE.with(|mine| {
        if mine.get() == usize::MAX {
            mine.set(NEXT.fetch_add(1, Ordering::Relaxed) % SHARDS);
        }
        mine.get()
    })
}

/// A power of two, so that finding the shard is a mask.
const SHARDS: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    const ROOMY: Limits = Limits { slots: 1 << 20, generations: 1 << 20 };

    #[test]
    fn a_key_finds_its_object_until_it_is_removed_and_never_again() {
        let table = Table::new(ROOMY, 0);
        let first = table.insert(Arc::new("first")).unwrap();
        assert_eq!(table.get(first).as_deref(), Some(&"first"));
        assert_eq!(table.remove(first).as_deref(), Some(&"first"));
        assert!(table.get(first).is_none() && table.remove(first).is_none());

        let second = table.insert(Arc::new("second")).unwrap();
        assert_eq!(second.index, first.index, "the slot is used again");
        assert!(table.get(first).is_none(), "but the old key does not open it");
        assert_eq!(table.get(second).as_deref(), Some(&"second"));
    }

    #[test]
    fn a_key_that_was_never_given_out_finds_nothing() {
        let table = Table::<u8>::new(ROOMY, 0);
        assert!(table.get(Key { index: 12_345, generation: 0 }).is_none());
        assert!(table.remove(Key { index: u32::MAX, generation: u32::MAX }).is_none());
    }

    #[test]
    fn a_slot_whose_generations_are_used_up_is_retired() {
        let table = Table::new(Limits { slots: 2 * SHARDS as u32, generations: 3 }, 0);
        let mut keys = Vec::new();
        while let Some(key) = table.insert(Arc::new(())) {
            keys.push(key);
            table.remove(key).unwrap();
        }
        assert_eq!(keys.len(), 6 * SHARDS, "two slots of each shard, three objects each");
        assert!(keys.iter().all(|key| table.get(*key).is_none()));
        assert!((1..keys.len()).all(|i| !keys[..i].contains(&keys[i])), "no key is given out twice");
    }

    #[test]
    fn live_objects_are_bounded_and_a_removed_one_makes_room() {
        let table = Table::new(Limits { slots: SHARDS as u32, generations: 10 }, 0);
        let keys: Vec<_> = (0..SHARDS).map(|n| table.insert(Arc::new(n)).unwrap()).collect();
        assert!(table.insert(Arc::new(99)).is_none());
        table.remove(keys[7]).unwrap();
        assert!(table.insert(Arc::new(100)).is_some());
    }

    #[test]
    fn an_object_outlives_its_key_while_someone_uses_it() {
        let table = Table::new(ROOMY, 0);
        let key = table.insert(Arc::new(String::from("in use"))).unwrap();
        let user = table.get(key).unwrap();
        drop(table.remove(key));
        assert_eq!(*user, "in use");
        assert_eq!(Arc::strong_count(&user), 1);
    }

    #[test]
    fn dropping_an_object_may_use_the_table() {
        static TABLE: Table<Nested> = Table::new(ROOMY, 0);
        struct Nested(Option<Key>);
        impl Drop for Nested {
            fn drop(&mut self) {
                drop(self.0.and_then(|key| TABLE.remove(key)));
            }
        }
        let inner = TABLE.insert(Arc::new(Nested(None))).unwrap();
        let outer = TABLE.insert(Arc::new(Nested(Some(inner)))).unwrap();
        drop(TABLE.remove(outer));
        assert!(TABLE.get(inner).is_none());
    }

    #[test]
    fn of_many_threads_that_remove_one_key_exactly_one_succeeds() {
        let table = Table::new(ROOMY, 0);
        for _ in 0..200 {
            let key = table.insert(Arc::new(())).unwrap();
            let won = AtomicUsize::new(0);
            std::thread::scope(|scope| {
                for _ in 0..4 {
                    scope.spawn(|| {
                        drop(table.get(key));
                        won.fetch_add(usize::from(table.remove(key).is_some()), Ordering::Relaxed);
                    });
                }
            });
            assert_eq!(won.into_inner(), 1);
        }
    }

    #[test]
    fn threads_never_see_each_others_objects_under_their_keys() {
        let table = Table::new(ROOMY, 0);
        std::thread::scope(|scope| {
            for thread in 0..8u64 {
                let table = &table;
                scope.spawn(move || {
                    for round in 0..20_000u64 {
                        let value = thread << 32 | round;
                        let key = table.insert(Arc::new(value)).unwrap();
                        assert_eq!(table.get(key).as_deref(), Some(&value));
                        assert_eq!(table.remove(key).as_deref(), Some(&value));
                        assert!(table.get(key).is_none());
                    }
                });
            }
        });
    }
}
