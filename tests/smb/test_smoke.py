def test_smoke(lab, connection):
    lab.write("Program Files/x y/ü.log", b"hello\n" * 300000)
    print(list(connection.list("c$", "", recursive=True)))
    with connection.open("C$", "Program Files/x y/ü.log") as f:
        print(f.size(), f.created, len(f.read(0, 10**9)), connection.dialect, connection.encrypted)
        assert f.read(6, 6) == b"hello\n"
    try:
        list(connection.list("c$", "Program Files/Micro/V15"))
    except Exception as e:
        print(repr(e), e.hint)
    try:
        list(connection.list("nope", ""))
    except Exception as e:
        print(repr(e), e.hint)
