#include "src/audit/pickle_walk.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "formats/checked.h"
#include "formats/error.h"
#include "formats/little_endian.h"
#include "src/audit/pickle_text.h"

namespace weigh::core {

namespace {

constexpr std::size_t kWindow = std::size_t{256} * 1024;
constexpr std::size_t kFirstWindow = std::size_t{64} * 1024;
constexpr std::size_t kMostValues = std::size_t{1} << 20U;    // on the stack, and in the memo
constexpr std::size_t kMostSparse = std::size_t{1} << 16U;    // in the memo, under numbers far apart
constexpr std::size_t kMostResolved = std::size_t{1} << 16U;  // names put together from two strings
constexpr std::size_t kMostFrames = 3;
constexpr std::size_t kMostImports = 4096;
constexpr std::size_t kLongestName = 512;

// The argument of an opcode (CPython: Lib/pickletools.py).
enum class Argument : std::uint8_t { Invalid, None, One, Two, Four, Eight, Line, TwoLines, Length1, Length4, Length8 };

constexpr std::array<Argument, 256> make_opcodes() {
  std::array<Argument, 256> table{};
  const auto set = [&](std::string_view opcodes, Argument argument) {
    for (const char c : opcodes) table[static_cast<unsigned char>(c)] = argument;
  };
  set("().012NQRabdelostu}]", Argument::None);
  set("\x81\x85\x86\x87\x88\x89\x8f\x90\x91\x92\x93\x94\x97\x98", Argument::None);
  set("Khq\x80\x82", Argument::One);
  set("M\x83", Argument::Two);
  set("Jjr\x84", Argument::Four);
  set("G\x95", Argument::Eight);
  set("FILPSVgp", Argument::Line);
  set("ci", Argument::TwoLines);
  set("UC\x8a\x8c", Argument::Length1);
  set("TXB\x8b", Argument::Length4);
  set("\x8d\x8e\x96", Argument::Length8);
  return table;
}
constexpr std::array<Argument, 256> kOpcodes = make_opcodes();

bool is_one_of(unsigned char opcode, std::string_view opcodes) {
  return opcodes.find(static_cast<char>(opcode)) != std::string_view::npos;
}

bool is_name_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.' ||
         static_cast<unsigned char>(c) >= 0x80;
}

bool is_plausible_name(std::string_view name) {
  return !name.empty() && name.size() <= kLongestName && !(name[0] >= '0' && name[0] <= '9') &&
         std::ranges::all_of(name, is_name_letter);
}

std::uint64_t decimal(std::string_view text) {
  std::uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

}  // namespace

bool is_plausible_import(std::string_view module, std::string_view name) {
  return is_plausible_name(module) && is_plausible_name(name);
}

std::string_view PickleBytes::from(std::uint64_t offset, std::size_t least) {
  if (offset >= size_) return {};
  const std::uint64_t wanted = std::min<std::uint64_t>(least, size_ - offset);
  if (offset >= base_ && offset - base_ <= window_.size() && window_.size() - (offset - base_) >= wanted) {
    return window_.substr(static_cast<std::size_t>(offset - base_));
  }
  if (source_ == nullptr) return {};
  const std::uint64_t bytes = std::min<std::uint64_t>(size_ - offset, buffer_.empty() ? kFirstWindow : kWindow);
  if (bytes > left_) {
    spent_ = true;
    return {};
  }
  left_ -= bytes;
  buffer_.resize(static_cast<std::size_t>(bytes));
  source_->read(offset, std::as_writable_bytes(std::span(buffer_)));
  window_ = buffer_;
  base_ = offset;
  return window_;
}

std::string PickleBytes::copy(std::uint64_t offset, std::size_t bytes) {
  if (offset >= size_) return {};
  bytes = static_cast<std::size_t>(std::min<std::uint64_t>(bytes, size_ - offset));
  if (offset >= base_ && offset - base_ <= window_.size() && window_.size() - (offset - base_) >= bytes) {
    return std::string(window_.substr(static_cast<std::size_t>(offset - base_), bytes));
  }
  if (source_ == nullptr) return {};
  std::string text(bytes, '\0');
  source_->read(offset, std::as_writable_bytes(std::span(text)));
  return text;
}

WalkEnd PickleWalk::run(std::uint64_t most_opcodes) {
  while (opcodes_ < most_opcodes) {
    if (!step()) return bytes_.is_spent() ? WalkEnd::Spent : cut_ ? WalkEnd::Cut : WalkEnd::Invalid;
    if (stopped_) return WalkEnd::Stop;
  }
  return WalkEnd::Spent;
}

bool PickleWalk::step() {
  const std::string_view text = bytes_.from(at_, 1);
  if (text.empty()) {
    cut_ = true;
    return false;
  }
  const auto opcode = static_cast<unsigned char>(text[0]);
  if (kOpcodes[opcode] == Argument::Invalid) return false;
  std::uint64_t end = 0;
  if (!skip_argument(opcode, end)) {
    cut_ = true;
    return false;
  }
  ++opcodes_;
  skip_ = 0;
  act(opcode, at_ + 1, end);
  at_ = end + skip_;
  if (std::exchange(new_frame_, false)) {
    frames_.push_back({std::exchange(stack_, {}), std::exchange(memo_, {}), std::exchange(sparse_, {})});
  }
  return true;
}

std::optional<std::uint64_t> PickleWalk::line_end(std::uint64_t from) {
  for (std::uint64_t at = from;;) {
    const std::string_view text = bytes_.from(at, 1);
    if (text.empty()) return std::nullopt;
    if (const auto end = text.find('\n'); end != std::string_view::npos) return at + end + 1;
    at += text.size();
  }
}

// Sets `end` to where the argument ends; false where that is not within the bytes.
bool PickleWalk::skip_argument(unsigned char opcode, std::uint64_t& end) {
  const Argument argument = kOpcodes[opcode];
  const std::uint64_t begin = at_ + 1;
  const auto fixed = [&](std::uint64_t bytes) {
    end = begin + bytes;
    return end <= bytes_.size();
  };
  const auto counted = [&](std::size_t width) {
    const std::string_view text = bytes_.from(begin, width);
    if (text.size() < width) return false;
    const std::uint64_t length = load_little_endian(text.substr(0, width));
    if (length > bytes_.size() - begin - width) return false;
    return fixed(width + length);
  };
  switch (argument) {
    case Argument::Invalid: return false;
    case Argument::None: return fixed(0);
    case Argument::One: return fixed(1);
    case Argument::Two: return fixed(2);
    case Argument::Four: return fixed(4);
    case Argument::Eight: return fixed(8);
    case Argument::Length1: return counted(1);
    case Argument::Length4: return counted(4);
    case Argument::Length8: return counted(8);
    case Argument::Line:
    case Argument::TwoLines: break;
  }
  auto line = line_end(begin);
  if (line && argument == Argument::TwoLines) line = line_end(*line);
  if (line) end = *line;
  return line.has_value();
}

void PickleWalk::push(Kind kind, std::uint64_t place) {
  if (stack_.size() == kMostValues) stack_.erase(stack_.begin(), stack_.begin() + kMostValues / 2);
  stack_.push_back({kind, place});
}

PickleWalk::Value PickleWalk::pop() {
  if (stack_.empty()) {
    underflow_ = true;
    return {Kind::Missing, 0};
  }
  const Value value = stack_.back();
  stack_.pop_back();
  return value;
}

// What is above the mark, the first first; all there is where there is no mark.
std::vector<PickleWalk::Value> PickleWalk::pop_to_mark() {
  auto mark = stack_.end();
  while (mark != stack_.begin() && std::prev(mark)->kind != Kind::Mark) --mark;
  const bool found = mark != stack_.begin();
  if (!found) underflow_ = true;
  // A call looks at the first value alone, a tuple at none.
  std::vector<Value> values(mark, mark == stack_.end() ? mark : std::next(mark));
  stack_.erase(found ? std::prev(mark) : mark, stack_.end());
  if (!found) values.clear();
  return values;
}

void PickleWalk::put(std::uint64_t index) {
  if (stack_.empty()) {
    underflow_ = true;
    return;
  }
  if (index < memo_.size()) {
    memo_[static_cast<std::size_t>(index)] = stack_.back();
  } else if (index == memo_.size() && index < kMostValues) {
    memo_.push_back(stack_.back());
  } else if (sparse_.size() < kMostSparse) {
    sparse_[index] = stack_.back();
  }
}

PickleWalk::Value PickleWalk::get(std::uint64_t index) const {
  if (const auto found = sparse_.find(index); found != sparse_.end()) return found->second;
  return index < memo_.size() ? memo_[static_cast<std::size_t>(index)] : Value{Kind::Missing, 0};
}

void PickleWalk::get_or_put(unsigned char opcode, std::uint64_t begin, std::uint64_t end) {
  const std::string text = bytes_.copy(begin, static_cast<std::size_t>(std::min<std::uint64_t>(end - begin, 32)));
  const std::uint64_t index = is_one_of(opcode, "gp") ? decimal(text) : load_little_endian(text.substr(0, 8));
  if (is_one_of(opcode, "pqr")) return put(index);
  const Value value = get(index);
  push(value.kind, value.place);
  note_for_array(opcode, value, begin, end);
}

// The text of a string on the stack; empty for anything else.
std::string PickleWalk::text_of(const Value& value) {
  if (value.kind != Kind::String) return {};
  return pickle_string(bytes_.copy(value.place, 2 * kLongestName));
}

void PickleWalk::add_import(std::string module, std::string name) {
  PickleImport import{std::move(module), std::move(name)};
  if (imports_.size() == kMostImports || listed_.contains(import)) return;
  listed_.insert(import);
  imports_.push_back(std::move(import));
}

void PickleWalk::import_lines(std::uint64_t begin, std::uint64_t end) {
  if (end - begin > 2 * kLongestName) return;
  const std::string text = bytes_.copy(begin, static_cast<std::size_t>(end - begin));
  const auto middle = text.find('\n');
  if (middle == std::string::npos) return;
  const std::string module = text.substr(0, middle);
  const std::string name = text.substr(middle + 1, text.size() - middle - 2);
  last_is_wrapper_ = name == "NumpyArrayWrapper";
  if (is_plausible_import(module, name)) add_import(module, name);
}

void PickleWalk::import_from_stack() {
  const Value name = pop();
  const Value module = pop();
  last_is_wrapper_ = false;
  if (name.kind == Kind::String && module.kind == Kind::String) {
    if (!resolved_.insert({module.place, name.place}).second) {
      last_is_wrapper_ = text_of(name) == "NumpyArrayWrapper";
    } else if (resolved_.size() > kMostResolved) {
      resolved_.erase({module.place, name.place});
      add_import("", "a name after 65536 others");
    } else {
      const std::string module_text = text_of(module);
      const std::string name_text = text_of(name);
      last_is_wrapper_ = name_text == "NumpyArrayWrapper";
      if (is_plausible_import(module_text, name_text)) add_import(module_text, name_text);
    }
  } else if (!underflow_) {
    add_import("", "a name that is computed");
  }
}

// What is called is the value below the arguments, or the first above the mark.
void PickleWalk::call(unsigned char opcode) {
  Value callable{Kind::Missing, 0};
  bool with_arguments = true;
  if (opcode == 'o') {
    const std::vector<Value> values = pop_to_mark();
    if (!values.empty()) callable = values.front();
  } else {
    if (opcode == 0x92) pop();
    const Value arguments = pop();
    with_arguments = arguments.kind == Kind::Tuple || arguments.kind == Kind::Result ||
                     (arguments.kind == Kind::Missing && !underflow_) || arguments.kind == Kind::Other;
    callable = pop();
  }
  const bool is_wrapper = callable.kind == Kind::Global && callable.place == 1;
  if (with_arguments && (callable.kind == Kind::Global || callable.kind == Kind::Result)) calls_ = true;
  if (is_wrapper) array_ = Array{};
  push(is_wrapper ? Kind::Wrapper : Kind::Result);
}

// The bytes of an array follow a joblib wrapper, or a pickle of its objects.
void PickleWalk::build() {
  pop();
  if (stack_.empty()) {
    underflow_ = true;
    return;
  }
  if (stack_.back().kind == Kind::Result) calls_ = true;
  if (stack_.back().kind != Kind::Wrapper || !array_) return;
  stack_.back().kind = Kind::Result;
  const Array array = *std::exchange(array_, std::nullopt);
  if (array.objects) {
    new_frame_ = frames_.size() < kMostFrames;
    return;
  }
  const auto bytes = checked_mul(array.elements, array.item_bytes);
  if (!array.has_shape || !bytes || *bytes > bytes_.size() - at_) return;
  skip_ = *bytes;
  if (!array.aligned) return;
  const std::string padding = bytes_.copy(at_ + 1, 1);
  if (!padding.empty()) skip_ += 1 + static_cast<unsigned char>(padding[0]);
}

void PickleWalk::note_for_array(unsigned char opcode, const Value& value, std::uint64_t begin, std::uint64_t end) {
  if (!array_) return;
  if (value.kind == Kind::String) {
    const std::string text = text_of(value);
    if (array_->key == "dtype" && text.size() >= 2 && text[1] >= '0' && text[1] <= '9') {
      array_->objects = text[0] == 'O';
      array_->item_bytes = decimal(std::string_view(text).substr(1)) * (text[0] == 'U' ? 4 : 1);
      array_->key.clear();
    } else if (text == "dtype" || text == "shape") {
      array_->key = text;
      array_->has_shape = array_->has_shape || text == "shape";
    } else {
      array_->aligned = array_->aligned || text == "numpy_array_alignment_bytes";
      if (array_->key == "shape") array_->key.clear();
    }
  } else if (array_->key == "shape" && is_one_of(opcode, "KMJ\x8a")) {
    const std::string text = bytes_.copy(begin, static_cast<std::size_t>(std::min<std::uint64_t>(end - begin, 8)));
    const auto number = load_little_endian(std::string_view(text).substr(opcode == 0x8a ? 1 : 0));
    array_->elements = checked_mul(array_->elements, number).value_or(UINT64_MAX);
  }
}

void PickleWalk::act_on_mark(unsigned char opcode) {
  pop_to_mark();
  if (opcode == 't') push(Kind::Tuple);
  if (is_one_of(opcode, "ld\x91")) push(Kind::Other);
  if (opcode == 'i') {
    calls_ = calls_ || !underflow_;
    push(Kind::Result);
  }
}

// Back to the pickle that this one is inside of; false where it is in none.
bool PickleWalk::leave_frame() {
  if (frames_.empty()) return false;
  stack_ = std::move(frames_.back().stack);
  memo_ = std::move(frames_.back().memo);
  sparse_ = std::move(frames_.back().sparse);
  frames_.pop_back();
  return true;
}

void PickleWalk::act(unsigned char opcode, std::uint64_t begin, std::uint64_t end) {
  has_container_ = has_container_ || is_one_of(opcode, "(]})\x8f");
  const auto times = [&](int count) {
    while (count-- > 0) pop();
  };
  switch (opcode) {
    case '.':
      if (stack_.empty()) underflow_ = true;
      stopped_ = !leave_frame();
      return;
    case '(': return push(Kind::Mark);
    case ')': return push(Kind::Tuple);
    case '0': pop(); return;
    case '2': return stack_.empty() ? void(underflow_ = true) : push(stack_.back().kind, stack_.back().place);
    case 'a': return times(1);
    case 's': return times(2);
    case 'b': return build();
    case 'Q': pop(); return push(Kind::Other);
    case 'R':
    case 0x81:
    case 0x92:
    case 'o': return call(opcode);
    case 0x85:
    case 0x86:
    case 0x87: times(opcode - 0x84); return push(Kind::Tuple);
    case 'c': import_lines(begin, end); return push(Kind::Global, last_is_wrapper_ ? 1 : 0);
    case 0x93: import_from_stack(); return push(Kind::Global, last_is_wrapper_ ? 1 : 0);
    case 0x82:
    case 0x83:
    case 0x84: add_import("", "an entry of the extension registry"); return push(Kind::Global);
    case 'i': import_lines(begin, end); return act_on_mark(opcode);
    case 0x94: return put(memo_.size() + sparse_.size());
    case 0x80:
    case 0x95:
    case 0x98: return;
    default: break;
  }
  if (is_one_of(opcode, "tldeu1\x90\x91")) return act_on_mark(opcode);
  if (is_one_of(opcode, "gphqjr")) return get_or_put(opcode, begin, end);
  const bool is_string = is_one_of(opcode, "STUVX\x8c\x8d");
  push(is_string ? Kind::String : Kind::Other, begin - 1);
  note_for_array(opcode, stack_.back(), begin, end);
}

}  // namespace weigh::core
