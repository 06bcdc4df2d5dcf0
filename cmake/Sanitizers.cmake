# KFS_SANITIZE=address,undefined (or thread) builds everything under those sanitizers; a finding ends the program.
if(KFS_SANITIZE)
  add_compile_options(-fsanitize=${KFS_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${KFS_SANITIZE})
endif()

# KFS_FUZZ builds everything for libFuzzer (tests/fuzz), which finds little without ASan and UBSan.
if(KFS_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link,address,undefined -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=address,undefined)
endif()
