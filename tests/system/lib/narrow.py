"""narrow.py PORT TARGET CONTROL - passes TCP connections to PORT of this machine on to TARGET, as the
file CONTROL says when one begins:

    open          as it is
    rate BYTES    so many a second come back
    cut BYTES     after so many have come back, the connection ends
    stall BYTES   after so many have come back, nothing comes any more
"""
import socket
import sys
import threading
import time


def close(*ends):
    for end in ends:
        try:
            end.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        end.close()


def forward(client, server):
    try:
        while data := client.recv(65536):
            server.sendall(data)
    except OSError:
        pass


def back(client, server, control):
    with open(control) as file:
        how, *number = file.read().split()
    number = int(number[0]) if number else 0
    passed = 0
    try:
        while data := server.recv(16384):
            if how in ("cut", "stall"):
                data = data[: max(number - passed, 0)]
            client.sendall(data)
            passed += len(data)
            if how == "rate":
                time.sleep(len(data) / number)
            if how == "cut" and passed >= number:
                break
            if how == "stall" and passed >= number:
                threading.Event().wait()
    except OSError:
        pass
    close(client, server)


def main(port, target, control):
    listener = socket.create_server(("127.0.0.1", port))
    while True:
        client, _ = listener.accept()
        server = socket.create_connection(("127.0.0.1", target))
        threading.Thread(target=forward, args=(client, server), daemon=True).start()
        threading.Thread(target=back, args=(client, server, control), daemon=True).start()


main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
