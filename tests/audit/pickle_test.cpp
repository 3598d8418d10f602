#include "src/audit/pickle.h"

#include <string>

#include "tests/catch.h"

using weigh::core::begins_like_pickle;
using weigh::core::is_calling_pickle;

TEST_CASE("pickles are told from other files by their first bytes") {
  const auto [bytes, is_pickle] = GENERATE(table<std::string, bool>({
      {std::string("\x80\x02}q\0.", 6), true},
      {std::string("\x80\x04\x95\x04\0\0\0\0\0\0\0}\x94.", 14), true},
      {"cposix\nsystem\n(S'id'\ntR.", true},
      {"PK\x03\x04" + std::string(26, '\0') + "archive/data.pkl", true},
      {std::string("\x93NUMPY\x01\0v\0{'descr': '|O', ", 26), true},
      {std::string("\x93NUMPY\x01\0v\0{'descr': '<f4', ", 27), false},
      {"PK\x03\x04" + std::string(26, '\0') + "word/document.xml", false},
      {std::string("\x80\x02\0\0\0\0\0\0{\"a\":", 13), false},  // a safetensors header of 640 bytes
      {"", false},
      {"\x80", false},
      {"N.", false},
      {"a text of words.", false},
      {std::string(64, '\0'), false},
  }));
  CAPTURE(bytes);
  CHECK(begins_like_pickle(bytes) == is_pickle);
}

TEST_CASE("a pickle that calls something can hide in a safetensors header") {
  // Its length, 0x4a0280 and more, is the opcodes PROTO 2 and BININT; the JSON is skipped as a string.
  const std::string json = "{\"a\":1}";
  std::string bytes("\x80\x02J\0\0\0\0\0", 8);
  CHECK_FALSE(is_calling_pickle(bytes + json));
  bytes = std::string("\x80\x02U\x05\0\0\0\0{", 9) + "cposix\nsystem\n(S'id'\ntR." + json;
  CHECK(is_calling_pickle(bytes));
  CHECK_FALSE(is_calling_pickle(bytes.substr(0, 12)));
}
