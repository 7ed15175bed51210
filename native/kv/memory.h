// Memory that answers null instead of throwing, aligned for vectors, zeroed.
#pragma once
#include <stddef.h>
#include <stdint.h>

#include <new>

namespace deltallm {

constexpr size_t kAlignment = 64;
constexpr size_t kPartAlignment = 16;  // what every 64-bit allocator gives without asking: a 16-byte load then lies within one cache line

inline size_t alignUp(size_t bytes, size_t alignment = kAlignment) { return (bytes + alignment - 1) / alignment * alignment; }

/** Zeroed bytes aligned to 64, or null. Pages are untouched until used. */
void *allocateZeroed(size_t bytes);
void releaseMemory(void *memory);

/** Zeroed bytes aligned to 16 with nothing around them, for what there is a lot of. Ends with releaseCompact. */
void *allocateCompact(size_t bytes);
void releaseCompact(void *memory);

/**
 * How much freed memory the process keeps for the next allocation instead of giving it back to the system; 0: what is usual, and all is given back now.
 * For glibc; elsewhere it does nothing.
 */
void keepFreedMemory(size_t bytes);

/**
 * Asks the system for large pages under memory that is not used yet, as far as whole ones fit: it is then handed out faster, and a stream over it needs few translations.
 * On Linux, where it is allowed; elsewhere it does nothing.
 */
void preferLargePages(void *memory, size_t bytes);

/** A new T, or null when memory is short. Ends with destroy(). The C++ library's own operators are not linked (native/README.md says why). */
template <class T>
T *make() {
  void *memory = allocateZeroed(sizeof(T));
  return memory ? new (memory) T() : nullptr;
}
template <class T>
void destroy(T *object) {
  if (!object) return;
  object->~T();
  releaseMemory(object);
}

/** An owned run of objects, each constructed and destroyed. */
template <class T>
class Objects {
 public:
  Objects() = default;
  ~Objects() { clear(); }
  Objects(const Objects &) = delete;
  Objects &operator=(const Objects &) = delete;

  /** Replaces everything by `size` new objects. False when memory is short (there are then none). */
  bool reset(size_t size) {
    clear();
    data_ = static_cast<T *>(allocateZeroed(size * sizeof(T) + kAlignment));
    if (!data_) return false;
    for (; size_ < size; size_++) new (data_ + size_) T();
    return true;
  }

  T *data() { return data_; }
  size_t size() const { return size_; }
  T &operator[](size_t i) { return data_[i]; }
  const T &operator[](size_t i) const { return data_[i]; }

 private:
  void clear() {
    while (size_ > 0) data_[--size_].~T();
    releaseMemory(data_);
    data_ = nullptr;
  }

  T *data_ = nullptr;
  size_t size_ = 0;
};

/** An owned array of plain data. */
template <class T>
class Array {
 public:
  Array() = default;
  ~Array() { releaseMemory(data_); }
  Array(const Array &) = delete;
  Array &operator=(const Array &) = delete;

  /** Makes room for `size` zeroed elements, forgetting what was there. False when memory is short (the array is then empty). */
  bool reset(size_t size) {
    releaseMemory(data_);
    data_ = static_cast<T *>(allocateZeroed(size * sizeof(T) + kAlignment));
    size_ = data_ ? size : 0;
    return data_ != nullptr;
  }
  /** Like reset, but keeps the memory (and its contents) when it is large enough. */
  bool atLeast(size_t size) { return size <= size_ || reset(size); }

  void swap(Array &other) {
    T *data = data_;
    const size_t size = size_;
    data_ = other.data_;
    size_ = other.size_;
    other.data_ = data;
    other.size_ = size;
  }

  T *data() { return data_; }
  const T *data() const { return data_; }
  size_t size() const { return size_; }
  T &operator[](size_t i) { return data_[i]; }
  const T &operator[](size_t i) const { return data_[i]; }

 private:
  T *data_ = nullptr;
  size_t size_ = 0;
};

}  // namespace deltallm
