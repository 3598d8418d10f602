#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "formats/byte_source.h"

namespace weigh::core {

/// The bytes that a walk reads: a window that moves over a file, or a text in memory. Past `most` bytes read there are
/// none.
class PickleBytes {
 public:
  explicit PickleBytes(std::string_view text) : window_(text), size_(text.size()) {}
  PickleBytes(ByteSource& source, std::uint64_t most) : source_(&source), size_(source.available()), left_(most) {}

  [[nodiscard]] std::uint64_t size() const { return size_; }
  /// Whether a read was refused because of `most`.
  [[nodiscard]] bool is_spent() const { return spent_; }

  /// The bytes from `offset` on, at least `least` (4 KiB at most) where the file has them; valid until the next call.
  std::string_view from(std::uint64_t offset, std::size_t least);
  /// A copy of bytes that were passed; the window stays where it is. Empty when they cannot be had.
  std::string copy(std::uint64_t offset, std::size_t bytes);

 private:
  ByteSource* source_ = nullptr;
  std::string buffer_;
  std::string_view window_;
  std::uint64_t base_ = 0;
  std::uint64_t size_;
  std::uint64_t left_ = 0;
  bool spent_ = false;
};

struct PickleImport {
  std::string module;  ///< empty where it is computed, or a number of the extension registry
  std::string name;
  auto operator<=>(const PickleImport&) const = default;
};

enum class WalkEnd : std::uint8_t { Stop, Invalid, Cut, Spent };

/// Follows one pickle opcode by opcode as Python does, without running any, and lists what it imports. A stack and a memo
/// of kinds are kept, so that names which are put together from strings are found. What Python would refuse, such as an
/// empty stack, is passed over.
class PickleWalk {
 public:
  PickleWalk(PickleBytes& bytes, std::uint64_t at) : bytes_(bytes), at_(at) {}

  /// Goes on until the opcode that ends a pickle, one that is none, or the end of the bytes.
  WalkEnd run(std::uint64_t most_opcodes);

  [[nodiscard]] std::uint64_t at() const { return at_; }  ///< after the last opcode that was followed
  [[nodiscard]] std::uint64_t opcodes() const { return opcodes_; }
  [[nodiscard]] const std::vector<PickleImport>& imports() const { return imports_; }
  [[nodiscard]] bool calls() const { return calls_; }  ///< something imported is called
  /// Every opcode found on the stack what it takes from there.
  [[nodiscard]] bool is_consistent() const { return !underflow_; }
  [[nodiscard]] bool has_container() const { return has_container_; }

 private:
  enum class Kind : std::uint8_t { Other, Mark, Tuple, String, Global, Result, Wrapper, Missing };
  struct Value {
    Kind kind : 8 = Kind::Other;
    std::uint64_t place : 56 = 0;  // of a string's opcode; 1 for the class of a wrapper
  };
  static_assert(sizeof(Value) == 8);
  // What a joblib wrapper says of the array whose bytes are after it.
  struct Array {
    std::string key;
    std::uint64_t elements = 1;
    std::uint64_t item_bytes = 0;
    bool has_shape = false;
    bool aligned = false;
    bool objects = false;
  };
  struct Frame {  // a pickle that is interrupted by another one
    std::vector<Value> stack;
    std::vector<Value> memo;
    std::unordered_map<std::uint64_t, Value> sparse;
  };

  bool step();
  bool skip_argument(unsigned char opcode, std::uint64_t& end);
  std::optional<std::uint64_t> line_end(std::uint64_t from);
  void act(unsigned char opcode, std::uint64_t begin, std::uint64_t end);
  void act_on_mark(unsigned char opcode);
  void call(unsigned char opcode);
  void build();
  void get_or_put(unsigned char opcode, std::uint64_t begin, std::uint64_t end);
  void import_lines(std::uint64_t begin, std::uint64_t end);
  void import_from_stack();
  void add_import(std::string module, std::string name);
  void note_for_array(unsigned char opcode, const Value& value, std::uint64_t begin, std::uint64_t end);
  std::string text_of(const Value& value);
  void push(Kind kind, std::uint64_t place = 0);
  Value pop();
  std::vector<Value> pop_to_mark();
  void put(std::uint64_t index);
  Value get(std::uint64_t index) const;
  bool leave_frame();

  PickleBytes& bytes_;
  std::uint64_t at_;
  std::uint64_t opcodes_ = 0;
  std::vector<Value> stack_;
  std::vector<Value> memo_;
  std::unordered_map<std::uint64_t, Value> sparse_;
  std::vector<Frame> frames_;
  std::vector<PickleImport> imports_;
  std::set<PickleImport> listed_;
  std::set<std::pair<std::uint64_t, std::uint64_t>> resolved_;
  std::optional<Array> array_;
  std::uint64_t skip_ = 0;  // bytes after the opcode that are no opcodes
  bool new_frame_ = false;
  bool last_is_wrapper_ = false;
  bool stopped_ = false;
  bool cut_ = false;
  bool calls_ = false;
  bool underflow_ = false;
  bool has_container_ = false;
};

/// Whether both could be what Python calls a module and what is in it.
bool is_plausible_import(std::string_view module, std::string_view name);

}  // namespace weigh::core
