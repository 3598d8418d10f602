#include "src/remote/reference.h"

#include <array>

#include "formats/error.h"
#include "tests/catch.h"

using namespace weigh::core;

TEST_CASE("a reference in its shortest form") {
  struct Row {
    std::string_view written;
    std::string_view text;
  };
  for (const Row& row : std::to_array<Row>({
           {"hf://org/name", "hf://org/name"},
           {"hf://models/org/name", "hf://org/name"},
           {"hf://datasets/org/name/x.gguf", "hf://datasets/org/name/x.gguf"},
           {"hf://org/name@v1/sub/x.gguf", "hf://org/name@v1/sub/x.gguf"},
           {"hf://org/name@refs/pr/3/x.gguf", "hf://org/name@refs/pr/3/x.gguf"},
           {"hf://org/name@a%2Fb", "hf://org/name@a%2Fb"},
           {"hf://org/name/", "hf://org/name"},
           {"https://huggingface.co/org/name", "hf://org/name"},
           {"huggingface.co/org/name/tree/main", "hf://org/name"},
           {"https://hf.co/org/name/blob/v2/a%20b.gguf?x#y", "hf://org/name@v2/a b.gguf"},
           {"https://huggingface.co/org/name/resolve/refs%2Fpr%2F1/x.gguf", "hf://org/name@refs/pr/1/x.gguf"},
           {"https://modelscope.cn/models/org/name/files", "ms://org/name"},
           {"ms://org/name@v1/x.gguf", "ms://org/name@v1/x.gguf"},
           {"ollama://llama3.2", "ollama://llama3.2:latest"},
           {"ollama://library/llama3.2:1b", "ollama://llama3.2:1b"},
           {"ollama://user/name:q4", "ollama://user/name:q4"},
           {"ollama://hf.co/org/name:Q4_K_M", "ollama://hf.co/org/name:Q4_K_M"},
           {"s3://bucket/a/b.gguf", "s3://bucket/a/b.gguf"},
           {"https://example.org/x.gguf?token=1", "https://example.org/x.gguf?token=1"},
       })) {
    CAPTURE(row.written);
    const auto reference = parse_reference(row.written);
    REQUIRE(reference);
    CHECK(text_of(*reference) == row.text);
  }
}

TEST_CASE("a registry on this machine is asked without TLS, every other with it") {
  CHECK(parse_reference("ollama://127.0.0.1:5000/a/b")->url->scheme == "http");
  CHECK(parse_reference("ollama://localhost:5000/a/b")->url->scheme == "http");
  CHECK(parse_reference("ollama://127.0.0.1.example.org/a/b")->url->scheme == "https");
  CHECK(parse_reference("ollama://a/b")->url->scheme == "https");
}

TEST_CASE("paths and names of this machine are no references") {
  for (const std::string_view path : {"model.gguf", "./hf", "org/name", "ollama:llama3", "/hf://x", "-", ""}) {
    CAPTURE(path);
    CHECK_FALSE(parse_reference(path));
  }
}

TEST_CASE("what begins like a reference and is none is refused") {
  for (const std::string_view text :
       {"hf://", "hf://gpt2", "hf://model/org/name", "hf://org/name@", "hf://org/../x/y", "hf://org/name/../x",
        "hf://org/name//x", "hf://o rg/name", "hf://org/name@../x", "ms://name", "ollama://", "ollama://a:b:c",
        "ollama://a/b/c/d", "s3://", "https://", "https://user@host/x", "https://huggingface.co/docs"}) {
    CAPTURE(text);
    CHECK_THROWS_AS(parse_reference(text), IoError);
  }
}
